//! Decisions, as tables: a job with its past, its pods, and what follows.

use serde_json::{Value, json};

use super::*;

const NOW: &str = "2026-05-01T12:00:00Z";

fn job(spec: Value, status: Value) -> IflearnerJob {
    let mut job = json!({
        "apiVersion": "git.iflytek.com/v1", "kind": "IflearnerJob",
        "metadata": { "name": "job", "namespace": "n", "uid": "u" },
        "spec": { "role": "client", "template": { "spec": {
            "restartPolicy": "Never", "containers": [{ "name": "main", "image": "a" }],
        } } },
        "status": status,
    });
    job["spec"]
        .as_object_mut()
        .unwrap()
        .extend(spec.as_object().unwrap().clone());
    serde_json::from_value(job).unwrap()
}

fn pod(attempt: u32, fields: Value) -> (u32, Arc<Pod>) {
    let mut pod = json!({ "metadata": { "name": crate::build::pod_name("job", attempt), "creationTimestamp": "2026-05-01T11:59:00Z" } });
    for (key, value) in fields.as_object().unwrap() {
        match key.as_str() {
            "metadata" => pod["metadata"]
                .as_object_mut()
                .unwrap()
                .extend(value.as_object().unwrap().clone()),
            _ => pod[key] = value.clone(),
        }
    }
    (attempt, Arc::new(serde_json::from_value(pod).unwrap()))
}

fn running(attempt: u32) -> (u32, Arc<Pod>) {
    pod(
        attempt,
        json!({ "spec": { "nodeName": "x", "containers": [] }, "status": { "phase": "Running", "startTime": "2026-05-01T11:59:00Z" } }),
    )
}

fn failed(attempt: u32, at: &str) -> (u32, Arc<Pod>) {
    let end = json!({ "exitCode": 1, "finishedAt": at });
    let container = json!({ "name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": { "terminated": end } });
    pod(
        attempt,
        json!({ "status": { "phase": "Failed", "containerStatuses": [container] } }),
    )
}

fn decide(job: &IflearnerJob, pods: &[(u32, Arc<Pod>)]) -> Verdict {
    next(&View {
        job,
        pods,
        mount: None,
        now: NOW.parse().unwrap(),
    })
}

fn reason(verdict: &Verdict) -> Option<JobReason> {
    match &verdict.outcome {
        Outcome::Ended { finding, .. } => Some(finding.reason),
        _ => None,
    }
}

#[test]
fn a_new_job_gets_its_first_pod() {
    let verdict = decide(&job(json!({}), json!({})), &[]);
    assert_eq!(verdict.action, Action::Create(0));
}

#[test]
fn retries_wait_longer_each_time_and_never_too_long() {
    let pauses: Vec<u64> = (0..12).map(|attempt| pause("u", attempt).as_secs()).collect();
    for (attempt, seconds) in pauses.iter().enumerate() {
        let base = (5 << attempt.min(10)).min(300);
        assert!((base..=base + base / 5).contains(seconds), "{attempt}: {seconds}");
    }
    assert_eq!(pause("u", 3), pause("u", 3));
    assert_ne!(pause("u", 3), pause("other", 3));
}

#[test]
fn a_failed_pod_is_followed_by_the_next_when_the_pause_is_over() {
    let retries = |failed_at| {
        decide(
            &job(json!({ "backoffLimit": 2 }), json!({ "attempts": 1 })),
            &[failed(0, failed_at)],
        )
    };
    let early = retries("2026-05-01T11:59:58Z");
    assert_eq!(early.action, Action::Nothing);
    assert!(
        matches!(&early.outcome, Outcome::Retrying { attempt: 0, cause, .. } if cause.reason == JobReason::ProcessFailed)
    );
    let wake = early.wake.unwrap().duration_since(NOW.parse().unwrap());
    assert!((3..=4).contains(&wake.as_secs()), "{wake}");
    assert_eq!(retries("2026-05-01T11:59:50Z").action, Action::Create(1));
}

#[test]
fn the_last_failure_ends_the_job() {
    let spec = json!({ "backoffLimit": 1 });
    let pods = [failed(0, "2026-05-01T11:00:00Z"), failed(1, "2026-05-01T11:59:00Z")];
    let verdict = decide(&job(spec, json!({ "attempts": 2 })), &pods);
    assert_eq!(
        (reason(&verdict), &verdict.action),
        (Some(JobReason::ProcessFailed), &Action::Nothing)
    );
}

#[test]
fn a_pod_that_a_dead_operator_made_is_taken_up() {
    // The status still speaks of the first attempt.
    let job = job(
        json!({ "backoffLimit": 1 }),
        json!({ "attempts": 1, "phase": "Running" }),
    );
    let verdict = decide(&job, &[failed(0, "2026-05-01T11:00:00Z"), running(1)]);
    assert!(matches!(verdict.outcome, Outcome::Active { attempt: 1, .. }));
    assert_eq!(verdict.action, Action::Nothing);
}

#[test]
fn a_pod_that_vanished_is_a_failure_only_if_it_ran_and_does_not_restart() {
    let status = |phase: &str| json!({ "attempts": 1, "podName": "job", "phase": phase });
    let verdict = decide(&job(json!({}), status("Running")), &[]);
    assert_eq!(reason(&verdict), Some(JobReason::PodDeleted));
    assert_eq!(
        decide(&job(json!({}), status("Pending")), &[]).action,
        Action::Create(0)
    );
    let always = json!({ "template": { "spec": { "containers": [] } } });
    assert_eq!(decide(&job(always, status("Running")), &[]).action, Action::Create(0));
    let mut disrupted = status("Running");
    disrupted["conditions"] =
        json!([{ "type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler" }]);
    assert_eq!(
        reason(&decide(&job(json!({}), disrupted), &[])),
        Some(JobReason::Preempted)
    );
}

#[test]
fn the_intent_to_suspend_is_written_before_the_pod_is_deleted() {
    let suspend = json!({ "suspend": true });
    let first = decide(&job(suspend.clone(), json!({ "attempts": 1 })), &[running(0)]);
    assert_eq!(
        (first.action, first.outcome),
        (Action::Nothing, Outcome::Suspended { attempt: 0 })
    );
    let noted = json!({ "attempts": 1, "phase": "Running", "conditions": [{ "type": "Suspended", "status": "True" }] });
    let pod = running(0);
    let second = decide(&job(suspend, noted.clone()), std::slice::from_ref(&pod));
    assert_eq!(second.action, Action::Delete(pod.1));
    // Resumed in between: no failure.
    assert_eq!(decide(&job(json!({}), noted), &[]).action, Action::Create(0));
}

#[test]
fn a_stop_is_asked_for_once_and_given_up_on_when_the_node_is_silent() {
    let stop = job(json!({ "stop": true }), json!({ "attempts": 1, "phase": "Running" }));
    let asked = |at: &str| {
        pod(
            0,
            json!({
                "metadata": { "annotations": { ENDED_BY: "Stopped", ENDED_AT: at } },
                "spec": { "nodeName": "x", "containers": [] }, "status": { "phase": "Running" },
            }),
        )
    };
    assert!(matches!(
        decide(&stop, &[running(0)]).action,
        Action::End(_, JobReason::Stopped)
    ));
    let waits = decide(&stop, &[asked("2026-05-01T11:59:30Z")]);
    assert_eq!((reason(&waits), &waits.action), (None, &Action::Nothing));
    assert!(waits.wake.is_some());
    assert_eq!(
        reason(&decide(&stop, &[asked("2026-05-01T11:58:00Z")])),
        Some(JobReason::Stopped)
    );
}

#[test]
fn a_deadline_counts_over_all_attempts() {
    let spec = json!({ "activeDeadlineSeconds": 600, "backoffLimit": 9 });
    let status = json!({ "attempts": 2, "startTime": "2026-05-01T11:49:00Z" });
    let late = job(spec.clone(), status);
    assert!(matches!(
        decide(&late, &[running(1)]).action,
        Action::End(_, JobReason::DeadlineExceeded)
    ));
    assert_eq!(
        reason(&decide(&late, &[failed(1, "2026-05-01T11:59:59Z")])),
        Some(JobReason::DeadlineExceeded)
    );
    let early = job(spec, json!({ "attempts": 2, "startTime": "2026-05-01T11:55:00Z" }));
    assert_eq!(
        decide(&early, &[running(1)]).wake,
        Some("2026-05-01T12:05:00Z".parse().unwrap())
    );
}

#[test]
fn an_ended_job_stays_as_it_is() {
    let status = json!({ "attempts": 1, "phase": "Failed", "completionTime": "2026-05-01T11:00:00Z" });
    for spec in [
        json!({}),
        json!({ "suspend": true }),
        json!({ "stop": true }),
        json!({ "backoffLimit": 5 }),
    ] {
        for pods in [vec![], vec![failed(0, "2026-05-01T11:00:00Z")]] {
            let verdict = decide(&job(spec.clone(), status.clone()), &pods);
            assert_eq!(
                (verdict.action, verdict.outcome),
                (Action::Nothing, Outcome::Settled),
                "{spec}"
            );
        }
    }
    let pod = running(0);
    let verdict = decide(&job(json!({}), status.clone()), std::slice::from_ref(&pod));
    assert_eq!(verdict.action, Action::Delete(pod.1), "nothing of it runs on");
    assert_eq!(
        decide(&job(json!({ "ttlSecondsAfterFinished": 60 }), status.clone()), &[]).action,
        Action::Expire
    );
    let waits = decide(&job(json!({ "ttlSecondsAfterFinished": 7200 }), status), &[]);
    assert_eq!(waits.wake, Some("2026-05-01T13:00:00Z".parse().unwrap()));
}
