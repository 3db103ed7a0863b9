//! What is to happen to a job's pods next. Pure: the job, its pods and the time in, a decision out.
//!
//! What has been decided before is read from the job's status and its pods, never from memory, so that an operator that is
//! killed at any moment goes on where it was.

mod past;
#[cfg(test)]
mod tests;
mod times;

use std::sync::Arc;

use flow_operator_api::{Condition, ConditionType, IflearnerJob, IflearnerJobStatus, JobReason};
use k8s_openapi::{
    api::core::v1::Pod,
    jiff::{SignedDuration, Timestamp},
};
use kube::ResourceExt;

pub(crate) use self::past::Past;
use self::times::{after, deadline, earliest, pause};
use crate::{
    build::{ENDED_AT, ENDED_BY},
    status::{self, Finding},
};

/// How long after a pod's grace period its end is waited for.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);

/// The job and its pods, as the caches have them.
pub(crate) struct View<'v> {
    pub(crate) job: &'v IflearnerJob,
    /// The job's pods by attempt, the newest last.
    pub(crate) pods: &'v [(u32, Arc<Pod>)],
    /// What the kubelet says of the newest pod's volumes, if they hold it up.
    pub(crate) mount: Option<&'v str>,
    pub(crate) now: Timestamp,
}

/// What is to be done about the pods.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// Nothing, or nothing yet.
    Nothing,
    /// Make the pod of this attempt.
    Create(u32),
    /// Delete the pod, with its grace period.
    Delete(Arc<Pod>),
    /// Have the kubelet end the pod; the pod and its log stay.
    End(Arc<Pod>, JobReason),
    /// Delete the job: its time to live is over.
    Expire,
}

/// What became of the job.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// The job has ended before: its status stays as it is.
    Settled,
    /// The job ends now.
    Ended { succeeded: bool, finding: Finding },
    /// The pod of the attempt is as found, or is being made.
    Active { attempt: u32, finding: Finding },
    /// The pod of the attempt has failed at that time; the next one is to come.
    Retrying {
        attempt: u32,
        cause: Finding,
        failed_at: Timestamp,
        due: Timestamp,
    },
    /// There is no pod, or soon will be none, as the spec says so.
    Suspended { attempt: u32 },
}

/// A decision.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) action: Action,
    pub(crate) outcome: Outcome,
    /// When to look again, if nothing else happens.
    pub(crate) wake: Option<Timestamp>,
}

impl Verdict {
    fn new(action: Action, outcome: Outcome, wake: Option<Timestamp>) -> Self {
        Self { action, outcome, wake }
    }

    /// The job ends now.
    pub(crate) fn ended(finding: Finding) -> Self {
        let outcome = Outcome::Ended {
            succeeded: false,
            finding,
        };
        Self::new(Action::Nothing, outcome, None)
    }
}

/// Decides.
pub(crate) fn next(view: &View<'_>) -> Verdict {
    let empty = IflearnerJobStatus::default();
    let past = Past(view.job.status.as_ref().unwrap_or(&empty));
    if past.0.is_final() {
        return settled(view, &past);
    }
    let newest = view.pods.last();
    let attempt = newest.map_or(0, |(attempt, _)| *attempt).max(past.attempt());
    match newest.filter(|(number, _)| *number == attempt) {
        Some((_, pod)) => with_pod(view, &past, attempt, pod),
        None => without_pod(view, &past, attempt),
    }
}

/// A job that has ended: nothing of it runs on, and in the end it goes.
fn settled(view: &View<'_>, past: &Past<'_>) -> Verdict {
    let runs = |pod: &&(u32, Arc<Pod>)| !status::is_finished(&pod.1) && !is_deleted(&pod.1);
    if let Some((_, pod)) = view.pods.iter().find(runs) {
        return Verdict::new(Action::Delete(pod.clone()), Outcome::Settled, None);
    }
    let ended = past.0.completion_time.as_ref().map(|time| time.0);
    let expiry = ended
        .zip(view.job.spec.ttl_seconds_after_finished)
        .map(|(ended, ttl)| after(ended, ttl));
    match expiry {
        Some(expiry) if expiry <= view.now => Verdict::new(Action::Expire, Outcome::Settled, None),
        wake => Verdict::new(Action::Nothing, Outcome::Settled, wake),
    }
}

fn with_pod(view: &View<'_>, past: &Past<'_>, attempt: u32, pod: &Arc<Pod>) -> Verdict {
    match status::phase(pod) {
        Some("Succeeded") => Verdict::new(
            Action::Nothing,
            Outcome::Ended {
                succeeded: true,
                finding: Finding::plain(JobReason::Succeeded),
            },
            None,
        ),
        Some("Failed") => failed_pod(view, past, attempt, pod),
        _ => active_pod(view, past, attempt, pod),
    }
}

fn failed_pod(view: &View<'_>, past: &Past<'_>, attempt: u32, pod: &Arc<Pod>) -> Verdict {
    if let Some((reason, _)) = ended_by_us(pod) {
        return Verdict::ended(ending(reason));
    }
    // A pod that was deleted to be made anew has not failed.
    if is_deleted(pod) && (restarts_always(view.job) || suspended(view.job) || past.holds(ConditionType::Suspended)) {
        let finding = Finding::new(JobReason::PodDeleted, "the pod is being deleted");
        return Verdict::new(
            Action::Nothing,
            Outcome::Active { attempt, finding },
            deadline(view, past),
        );
    }
    let failed_at = status::finished_at(pod).or(past.retrying_since());
    failed_attempt(view, past, attempt, status::failure(pod), failed_at.unwrap_or(view.now))
}

fn active_pod(view: &View<'_>, past: &Past<'_>, attempt: u32, pod: &Arc<Pod>) -> Verdict {
    let finding = status::waiting(pod, view.mount);
    let deadline = deadline(view, past);
    if finding.reason == JobReason::InvalidImageName {
        // An image's name never becomes one, and the template of a started job cannot be changed.
        return Verdict::ended(finding);
    }
    let wanted = if view.job.spec.stop == Some(true) {
        Some(JobReason::Stopped)
    } else if deadline.is_some_and(|deadline| deadline <= view.now) {
        Some(JobReason::DeadlineExceeded)
    } else {
        None
    };
    if let Some(reason) = wanted {
        return end(view, attempt, pod, reason, finding);
    }
    if suspended(view.job) && !is_deleted(pod) {
        // The intent is written down before it is acted on. Or else the pod's end could not be told from a failure, if the
        // operator ended in between and the job were resumed.
        let action = match past.holds(ConditionType::Suspended) {
            true => Action::Delete(pod.clone()),
            false => Action::Nothing,
        };
        return Verdict::new(action, Outcome::Suspended { attempt }, deadline);
    }
    let looked = (finding.reason == JobReason::ContainerCreating).then(|| after(view.now, 30));
    Verdict::new(
        Action::Nothing,
        Outcome::Active { attempt, finding },
        earliest(deadline, looked),
    )
}

/// Ends a pod so that its log stays: a deadline in the past makes the kubelet do so.
fn end(view: &View<'_>, attempt: u32, pod: &Arc<Pod>, reason: JobReason, finding: Finding) -> Verdict {
    let placed = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
    if !placed {
        // No kubelet has it. The job ends, and an ended job's pod is deleted.
        return Verdict::ended(ending(reason));
    }
    let active = |action, wake| Verdict::new(action, Outcome::Active { attempt, finding }, wake);
    let deleted = pod.metadata.deletion_timestamp.as_ref().map(|time| time.0);
    let asked = deleted.or_else(|| Some(after(ended_by_us(pod)?.1?, grace(view.job))));
    match asked.and_then(|asked| asked.checked_add(PATIENCE).ok()) {
        None => active(Action::End(pod.clone(), reason), None),
        // The node does not answer.
        Some(limit) if limit <= view.now => Verdict::ended(ending(reason)),
        Some(limit) => active(Action::Nothing, Some(limit)),
    }
}

fn without_pod(view: &View<'_>, past: &Past<'_>, attempt: u32) -> Verdict {
    let retrying = past.condition(ConditionType::Retrying);
    let deadline = deadline(view, past);
    if view.job.spec.stop == Some(true) {
        let cause = retrying.map(cause_of);
        return Verdict::ended(cause.unwrap_or_else(|| ending(JobReason::Stopped)));
    }
    if deadline.is_some_and(|deadline| deadline <= view.now) {
        return Verdict::ended(ending(JobReason::DeadlineExceeded));
    }
    if let Some(condition) = retrying {
        let since = past.retrying_since().unwrap_or(view.now);
        return failed_attempt(view, past, attempt, cause_of(condition), since);
    }
    if past.ran() && !restarts_always(view.job) && !suspended(view.job) && !past.holds(ConditionType::Suspended) {
        return failed_attempt(view, past, attempt, past.vanished(), view.now);
    }
    if suspended(view.job) {
        return Verdict::new(Action::Nothing, Outcome::Suspended { attempt }, None);
    }
    let finding = Finding::plain(JobReason::Creating);
    Verdict::new(Action::Create(attempt), Outcome::Active { attempt, finding }, deadline)
}

fn failed_attempt(view: &View<'_>, past: &Past<'_>, attempt: u32, cause: Finding, failed_at: Timestamp) -> Verdict {
    let limit = u32::try_from(view.job.spec.backoff_limit.unwrap_or(0)).unwrap_or(0);
    if attempt >= limit || view.job.spec.stop == Some(true) {
        return Verdict::ended(cause);
    }
    let deadline = deadline(view, past);
    if deadline.is_some_and(|deadline| deadline <= view.now) {
        return Verdict::ended(ending(JobReason::DeadlineExceeded));
    }
    let due = failed_at
        .checked_add(pause(view.job.metadata.uid.as_deref().unwrap_or_default(), attempt))
        .unwrap_or(failed_at);
    if due <= view.now && !suspended(view.job) {
        let next = attempt + 1;
        let finding = Finding::plain(JobReason::Creating);
        return Verdict::new(
            Action::Create(next),
            Outcome::Active { attempt: next, finding },
            deadline,
        );
    }
    let wake = (!suspended(view.job)).then_some(due);
    let outcome = Outcome::Retrying {
        attempt,
        cause,
        failed_at,
        due,
    };
    Verdict::new(Action::Nothing, outcome, earliest(wake, deadline))
}

/// Why the operator itself ended the pod, and since when.
fn ended_by_us(pod: &Pod) -> Option<(JobReason, Option<Timestamp>)> {
    let annotations = pod.annotations();
    let reason = annotations.get(ENDED_BY)?.parse().ok()?;
    Some((reason, annotations.get(ENDED_AT).and_then(|time| time.parse().ok())))
}

fn ending(reason: JobReason) -> Finding {
    Finding::plain(reason)
}

fn cause_of(condition: &Condition) -> Finding {
    let reason = condition.reason.as_deref().and_then(|reason| reason.parse().ok());
    Finding::new(
        reason.unwrap_or(JobReason::ProcessFailed),
        condition.message.clone().unwrap_or_default(),
    )
}

fn suspended(job: &IflearnerJob) -> bool {
    job.spec.suspend == Some(true)
}

fn restarts_always(job: &IflearnerJob) -> bool {
    let spec = job.spec.template.spec.as_ref();
    let policy = spec.and_then(|spec| spec.restart_policy.as_deref());
    policy.is_none_or(|policy| policy == "Always")
}

fn grace(job: &IflearnerJob) -> i64 {
    let spec = job.spec.template.spec.as_ref();
    spec.and_then(|spec| spec.termination_grace_period_seconds)
        .unwrap_or(30)
        .clamp(0, 86_400)
}

fn is_deleted(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}
