//! Folds what is known of a job into its status.

use std::sync::Arc;

use flow_operator_api::{ConditionType, IflearnerJobStatus, JobReason};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::{
    conditions::Conditions,
    pod::{Finding, waiting},
    whole_seconds,
};
use crate::{
    api_error::Problem,
    build::pod_name,
    lifecycle::{Outcome, View},
    validate::Invalid,
};

/// What came of carrying a decision out.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// The pod that was just made.
    pub(crate) pod: Option<Arc<Pod>>,
    /// What could not be done, the gravest first.
    pub(crate) problems: Vec<Problem>,
}

/// The status that the job should have.
pub(crate) fn fold(
    view: &View<'_>,
    invalid: Option<&Invalid>,
    outcome: &Outcome,
    applied: &Applied,
) -> IflearnerJobStatus {
    let before = view.job.status.clone().unwrap_or_default();
    if *outcome == Outcome::Settled {
        return before;
    }
    let pod = newest(view, outcome, applied);
    let attempt = attempt(outcome, &before);
    let mut status = of_pod(pod);
    status.observed_generation = view.job.metadata.generation;
    // An attempt that could not be made does not count.
    let made = pod.is_some() || before.attempts.is_some();
    let refused = pod.is_none() && !applied.problems.is_empty();
    status.attempts = made.then(|| match refused {
        true => before.attempts.unwrap_or(0),
        false => i32::try_from(attempt + 1)
            .unwrap_or(i32::MAX)
            .max(before.attempts.unwrap_or(0)),
    });
    let keeps_name = !matches!(outcome, Outcome::Suspended { .. }) && made && pod.is_none();
    status.pod_name = pod.map(|pod| pod.name_any()).or_else(|| {
        let name = pod_name(&view.job.name_any(), attempt);
        keeps_name.then(|| before.pod_name.clone().unwrap_or(name))
    });
    let ended_suspension = matches!(outcome, Outcome::Suspended { .. }) && pod.is_none();
    status.start_time = match ended_suspension {
        // As for a Job of Kubernetes: the time counts anew when it is resumed.
        true => None,
        false => before.start_time.clone().or(status.start_time),
    };
    tell(&mut status, invalid, outcome, applied, pod.is_some());
    if let Outcome::Ended { .. } = outcome {
        status.completion_time = Some(whole_seconds(view.now));
    }
    status.conditions = conditions(view, &before, invalid, outcome, applied, pod);
    status
}

/// The newest pod, as far as the status is about it.
fn newest<'v>(view: &'v View<'_>, outcome: &Outcome, applied: &'v Applied) -> Option<&'v Pod> {
    if let Some(made) = &applied.pod {
        return Some(made);
    }
    let wanted = match outcome {
        Outcome::Active { attempt, .. } | Outcome::Suspended { attempt } | Outcome::Retrying { attempt, .. } => {
            Some(*attempt)
        }
        Outcome::Ended { .. } | Outcome::Settled => None,
    };
    let newest = view
        .pods
        .last()
        .filter(|(attempt, _)| wanted.is_none_or(|wanted| *attempt == wanted));
    newest.map(|(_, pod)| &**pod)
}

fn attempt(outcome: &Outcome, before: &IflearnerJobStatus) -> u32 {
    match outcome {
        Outcome::Active { attempt, .. } | Outcome::Suspended { attempt } | Outcome::Retrying { attempt, .. } => {
            *attempt
        }
        Outcome::Ended { .. } | Outcome::Settled => u32::try_from(before.attempts.unwrap_or(1))
            .unwrap_or(1)
            .saturating_sub(1),
    }
}

/// The fields that the original operator copies from the pod.
fn of_pod(pod: Option<&Pod>) -> IflearnerJobStatus {
    let Some(status) = pod.and_then(|pod| pod.status.as_ref()) else {
        return IflearnerJobStatus::default();
    };
    IflearnerJobStatus {
        phase: status.phase.clone(),
        start_time: status.start_time.clone(),
        host_ip: status.host_ip.clone(),
        host_ips: status.host_ips.clone(),
        pod_ip: status.pod_ip.clone(),
        pod_ips: status.pod_ips.clone(),
        qos_class: status.qos_class.clone(),
        init_container_statuses: status.init_container_statuses.clone().filter(|list| !list.is_empty()),
        container_statuses: status.container_statuses.clone().filter(|list| !list.is_empty()),
        ..IflearnerJobStatus::default()
    }
}

/// Phase, reason and message.
fn tell(status: &mut IflearnerJobStatus, invalid: Option<&Invalid>, outcome: &Outcome, applied: &Applied, pod: bool) {
    let (phase, finding) = match outcome {
        Outcome::Ended { succeeded, finding } => {
            (Some(if *succeeded { "Succeeded" } else { "Failed" }), finding.clone())
        }
        Outcome::Active { finding, .. } => {
            // What stands in the way is the operator's to say; what the pod does, the pod's, unless all is well with it.
            let problem = match (invalid, applied.problems.first()) {
                (Some(invalid), _) => Some(Finding::new(JobReason::InvalidSpec, invalid.to_string())),
                (None, Some(problem)) => Some(Finding::new(problem.reason, problem.message.clone())),
                // As it will be found the next time: or else that would be a change, and one more write for each job.
                (None, None) => applied.pod.as_ref().map(|made| waiting(made, None)),
            };
            let found = problem.unwrap_or_else(|| finding.clone());
            // A pod that fails while it is deleted to be made anew is no failure of the job.
            let failed = status.phase.as_deref() == Some("Failed");
            ((!pod || failed || status.phase.is_none()).then_some("Pending"), found)
        }
        Outcome::Retrying { cause, due, .. } => {
            let message = format!("{} (attempt follows at {})", cause.message, whole_seconds(*due).0);
            (
                Some("Pending"),
                Finding::new(JobReason::RetryBackoff, format!("{}: {message}", cause.reason)),
            )
        }
        Outcome::Suspended { .. } => ((!pod).then_some("Pending"), Finding::plain(JobReason::Suspended)),
        Outcome::Settled => return,
    };
    if let Some(phase) = phase {
        status.phase = Some(phase.to_owned());
    }
    status.reason = Some(finding.reason.to_string());
    status.message = Some(finding.message);
}

fn conditions(
    view: &View<'_>,
    before: &IflearnerJobStatus,
    invalid: Option<&Invalid>,
    outcome: &Outcome,
    applied: &Applied,
    pod: Option<&Pod>,
) -> Vec<flow_operator_api::Condition> {
    let mut all = Conditions::new(&before.conditions, view.job.metadata.generation, view.now);
    if let Some(pod) = pod {
        all.of_pod(pod);
    }
    match invalid {
        None => all.set(ConditionType::Accepted, true, "Valid", ""),
        Some(invalid) => all.set(
            ConditionType::Accepted,
            false,
            JobReason::InvalidSpec.as_str(),
            &invalid.to_string(),
        ),
    }
    match applied.problems.first() {
        None if invalid.is_none() => all.set(ConditionType::Applied, true, "Applied", ""),
        None => all.set(
            ConditionType::Applied,
            false,
            JobReason::InvalidSpec.as_str(),
            "the spec is not valid",
        ),
        Some(problem) => all.set(ConditionType::Applied, false, problem.reason.as_str(), &problem.message),
    }
    match outcome {
        Outcome::Ended { succeeded, finding } => {
            let which = if *succeeded {
                ConditionType::Complete
            } else {
                ConditionType::Failed
            };
            all.set(which, true, finding.reason.as_str(), &finding.message);
        }
        Outcome::Retrying { cause, failed_at, .. } => {
            all.set_since(
                ConditionType::Retrying,
                true,
                cause.reason.as_str(),
                &cause.message,
                *failed_at,
            );
        }
        Outcome::Suspended { .. } => all.set(ConditionType::Suspended, true, JobReason::Suspended.as_str(), ""),
        // A resumed job's old pod may still be on its way out: until the new one is made, the suspension is not over.
        Outcome::Active { .. } if still_suspended(before, pod) => {
            all.set(ConditionType::Suspended, true, JobReason::Suspended.as_str(), "");
        }
        // A retry that could not be made is still to come.
        Outcome::Active { .. } if applied.pod.is_none() && pod.is_none() => {
            if let Some(retrying) = before.condition(ConditionType::Retrying) {
                let (reason, message) = (retrying.reason.clone(), retrying.message.clone());
                all.set(
                    ConditionType::Retrying,
                    true,
                    &reason.unwrap_or_default(),
                    &message.unwrap_or_default(),
                );
            }
        }
        Outcome::Active { .. } | Outcome::Settled => {}
    }
    all.into_vec()
}

fn still_suspended(before: &IflearnerJobStatus, pod: Option<&Pod>) -> bool {
    let held = before
        .condition(ConditionType::Suspended)
        .is_some_and(|condition| condition.status == "True");
    held && pod.is_some_and(|pod| pod.metadata.deletion_timestamp.is_some())
}
