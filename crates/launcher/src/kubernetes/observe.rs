//! What a job's status means. Takes no client and no clock but its argument.

use std::collections::BTreeMap;

use flow_operator_api::{IflearnerJob, JobReason};
use k8s_openapi::{
    api::core::v1::{ContainerState, ContainerStateTerminated},
    apimachinery::pkg::apis::meta::v1::Time,
};
use kube::ResourceExt as _;

use super::{
    KubernetesConfig,
    job::{CONTAINER, WORK},
    names::{self, RELEASED_AT, STARTED_AT, STOPPED_AT},
};
use crate::{Exit, Observed, Prepared};

/// How long the operator may take to take a job up, in microseconds, before that is said.
const SILENCE: i64 = 15_000_000;

/// The reason of a job that nobody takes up.
pub(super) const OPERATOR_SILENT: &str = "OperatorSilent";

/// What is there, at `now` in microseconds since the Unix epoch.
pub(super) fn observed(job: &IflearnerJob, config: &KubernetesConfig, now: i64) -> Observed {
    let stopped_at = names::time(job, STOPPED_AT);
    let Some(started_at) = names::time(job, STARTED_AT) else {
        // Never started, and never will be.
        if names::time(job, RELEASED_AT).is_some() {
            return Observed::Absent;
        }
        return match stopped_at {
            Some(at) => Observed::Exited(Exit {
                code: None,
                signal: None,
                reason: None,
                stopped: true,
                started_at: at,
                ended_at: at,
                message: Some("stopped before it was started".to_owned()),
            }),
            None => Observed::Prepared(prepared(job, config)),
        };
    };
    let status = job.status.clone().unwrap_or_default();
    if status.is_final() {
        return Observed::Exited(exit(job, started_at, now));
    }
    if status.phase.as_deref() == Some("Running") && running(job) {
        let since = container(job).and_then(|state| state.running.as_ref()?.started_at.as_ref().map(micros));
        return Observed::Running {
            since: since.unwrap_or(started_at),
        };
    }
    let current = status
        .observed_generation
        .is_some_and(|seen| Some(seen) >= job.metadata.generation);
    if !current && now - started_at > SILENCE {
        return Observed::Waiting {
            reason: OPERATOR_SILENT.to_owned(),
            message: format!("no operator has taken up the IflearnerJob {} yet", job.name_any()),
        };
    }
    let suspended = JobReason::Suspended.as_str();
    let creating = || JobReason::Creating.to_string();
    Observed::Waiting {
        // What it says of the time before the start is old.
        reason: status
            .reason
            .filter(|reason| reason != suspended)
            .unwrap_or_else(creating),
        message: status.message.unwrap_or_default(),
    }
}

/// What was reserved for a job, from what it says itself.
pub(super) fn prepared(job: &IflearnerJob, config: &KubernetesConfig) -> Prepared {
    let port = |number: i32| u16::try_from(number).ok();
    let ports = job.spec.ports();
    let listen = ports
        .iter()
        .filter_map(|p| Some((p.name.clone(), port(p.target_port)?)));
    let routed = ports.first().map(|p| (p.name.clone(), config.ingress_port));
    Prepared {
        host: job.spec.host.clone(),
        ports: routed.into_iter().collect(),
        listen: listen.collect::<BTreeMap<_, _>>(),
        tls: true,
        dir: WORK.into(),
    }
}

fn container(job: &IflearnerJob) -> Option<&ContainerState> {
    let statuses = job.status.as_ref()?.container_statuses.as_ref()?;
    statuses.iter().find(|status| status.name == CONTAINER)?.state.as_ref()
}

fn running(job: &IflearnerJob) -> bool {
    // An operator that says Running and gives no containers is taken at its word.
    container(job).is_none_or(|state| state.running.is_some() || state.terminated.is_some())
}

fn terminated(job: &IflearnerJob) -> Option<&ContainerStateTerminated> {
    container(job)?.terminated.as_ref()
}

fn exit(job: &IflearnerJob, started_at: i64, now: i64) -> Exit {
    let status = job.status.clone().unwrap_or_default();
    let process = terminated(job);
    let reason = status
        .reason
        .as_deref()
        .and_then(|reason| reason.parse::<JobReason>().ok());
    let stopped = reason == Some(JobReason::Stopped);
    // The process's own end says it all, unless something else brought it about.
    let own = matches!(
        reason,
        Some(JobReason::Succeeded | JobReason::ProcessFailed | JobReason::Stopped)
    );
    let (code, signal) = match process.map(|process| (process.exit_code, process.signal)) {
        Some((_, Some(signal))) => (None, Some(signal)),
        // Container runtimes say it as shells do.
        Some((code @ 129..=192, None)) => (None, Some(code - 128)),
        Some((code, None)) => (Some(code), None),
        None if status.phase.as_deref() == Some("Succeeded") => (Some(0), None),
        None => (None, None),
    };
    let ended_at = process
        .and_then(|process| process.finished_at.as_ref())
        .or(status.completion_time.as_ref());
    Exit {
        code,
        signal,
        reason: status.reason.clone().filter(|_| !own),
        stopped,
        started_at: process
            .and_then(|process| process.started_at.as_ref())
            .map_or(started_at, micros),
        ended_at: ended_at.map_or(now, micros),
        message: status.message.filter(|message| !own && !message.is_empty()),
    }
}

fn micros(time: &Time) -> i64 {
    time.0.as_microsecond()
}

#[cfg(test)]
mod tests {
    use flow_operator_api::IflearnerJobStatus;
    use serde_json::{Value, json};

    use super::*;
    use crate::{Identity, Key, Prepare, kubernetes::job};

    const START: i64 = 1_800_000_000_000_000;

    fn mk_job(annotations: &[&str], status: Value) -> IflearnerJob {
        let prepare = Prepare {
            ports: vec!["grpc".to_owned(), "http".to_owned()],
            identity: Identity {
                aggregator: true,
                ..Identity::default()
            },
            image: None,
        };
        let mut job = job::prepared(&Key::new("abc").unwrap(), &prepare, &KubernetesConfig::default());
        job.metadata.generation = Some(2);
        for name in annotations {
            job.annotations_mut().insert((*name).to_owned(), START.to_string());
        }
        job.status = Some(serde_json::from_value::<IflearnerJobStatus>(status).unwrap());
        job
    }

    fn observe(annotations: &[&str], status: Value) -> Observed {
        observed(
            &mk_job(annotations, status),
            &KubernetesConfig::default(),
            START + 1_000_000,
        )
    }

    fn started(status: Value) -> Observed {
        observe(&[STARTED_AT], status)
    }

    fn ended(reason: &str, exit_code: Option<i32>) -> Exit {
        let containers = exit_code.map(|code| {
            json!([{"name": "job", "image": "i", "imageID": "", "ready": false, "restartCount": 0, "state": {"terminated": {
                "exitCode": code, "startedAt": "2027-01-15T08:00:01Z", "finishedAt": "2027-01-15T08:00:09Z"}}}])
        });
        let status = json!({
            "phase": "Failed", "reason": reason, "message": "words", "completionTime": "2027-01-15T08:00:10Z",
            "containerStatuses": containers,
        });
        match started(status) {
            Observed::Exited(exit) => exit,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn before_the_start() {
        let Observed::Prepared(prepared) = observe(&[], json!({})) else {
            panic!("not prepared");
        };
        assert_eq!(
            (prepared.ports["grpc"], prepared.ports.len(), prepared.tls),
            (443, 1, true)
        );
        assert_eq!(
            (prepared.listens()["grpc"], prepared.listens()["http"]),
            (50_001, 50_002)
        );
        assert_eq!(observe(&[RELEASED_AT], json!({})), Observed::Absent);
        let Observed::Exited(exit) = observe(&[STOPPED_AT], json!({})) else {
            panic!("not ended");
        };
        assert!(exit.stopped && exit.code.is_none());
    }

    #[test]
    fn a_started_job_waits_with_the_words_of_the_cluster() {
        let status =
            json!({"phase": "Pending", "reason": "Unschedulable", "message": "0/1 nodes", "observedGeneration": 2});
        let waits = Observed::Waiting {
            reason: "Unschedulable".to_owned(),
            message: "0/1 nodes".to_owned(),
        };
        assert_eq!(started(status), waits);
        let old = started(json!({"reason": "Suspended", "observedGeneration": 1}));
        assert!(
            matches!(old, Observed::Waiting { reason, .. } if reason == "Creating"),
            "what was before the start is over"
        );
    }

    #[test]
    fn an_operator_that_does_nothing_is_named() {
        let job = mk_job(&[STARTED_AT], json!({"observedGeneration": 1}));
        let late = observed(&job, &KubernetesConfig::default(), START + SILENCE + 1);
        assert!(matches!(late, Observed::Waiting { reason, .. } if reason == OPERATOR_SILENT));
    }

    #[test]
    fn it_runs_when_its_container_does() {
        let container = |state: Value| json!([{"name": "job", "image": "i", "imageID": "", "ready": true, "restartCount": 0, "state": state}]);
        let running = json!({"phase": "Running", "observedGeneration": 2,
            "containerStatuses": container(json!({"running": {"startedAt": "2027-01-15T08:00:00Z"}}))});
        assert_eq!(started(running), Observed::Running { since: START });
        let waiting = json!({"phase": "Running", "observedGeneration": 2, "reason": "CrashLoopBackOff",
            "containerStatuses": container(json!({"waiting": {"reason": "CrashLoopBackOff"}}))});
        assert!(matches!(started(waiting), Observed::Waiting { reason, .. } if reason == "CrashLoopBackOff"));
    }

    #[test]
    fn ends_have_the_code_the_signal_or_the_reason() {
        let exit = ended("ProcessFailed", Some(70));
        assert_eq!((exit.code, exit.signal, exit.reason), (Some(70), None, None));
        let exit = ended("ProcessFailed", Some(137));
        assert_eq!((exit.code, exit.signal, exit.reason), (None, Some(9), None));
        let exit = ended("OOMKilled", Some(137));
        assert_eq!(
            (exit.reason.as_deref(), exit.message.as_deref()),
            (Some("OOMKilled"), Some("words"))
        );
        let exit = ended("PodDeleted", None);
        assert_eq!((exit.code, exit.reason.as_deref()), (None, Some("PodDeleted")));
        let exit = ended("Stopped", Some(143));
        assert!(exit.stopped && exit.reason.is_none());
        assert!(exit.ended_at > exit.started_at);
    }
}
