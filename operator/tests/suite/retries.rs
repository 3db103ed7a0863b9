//! Pods that fail, and pods that are lost.

use std::time::Duration;

use flow_operator_api::{ConditionType, JobReason};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::ResourceExt;
use serde_json::json;

use crate::world::{World, holds};

#[tokio::test]
async fn a_failed_pod_is_followed_by_another_and_stays() {
    let world = World::new("retry").await;
    let _operator = world.operator();
    world.submit("job", json!({ "backoffLimit": 1 })).await;
    world.run("job").await;
    world.exit("job", 3).await;
    let status = world.reason("job", JobReason::RetryBackoff).await;
    assert_eq!(status.phase.as_deref(), Some("Pending"), "no end yet");
    assert!(holds(&status, ConditionType::Retrying));
    assert!(status.message.unwrap().contains("exit code 3"));

    let first: Pod = world.there("job").await;
    let second: Pod = world.there("job-1").await;
    let pause = second
        .creation_timestamp()
        .unwrap()
        .0
        .duration_since(first.creation_timestamp().unwrap().0);
    assert!(
        Duration::try_from(pause).unwrap() >= Duration::from_secs(5),
        "it came after {pause}"
    );
    let selector = world.there::<Service>("job").await.spec.unwrap().selector.unwrap();
    assert!(
        selector
            .iter()
            .all(|(label, value)| second.labels().get(label) == Some(value)),
        "the service finds it"
    );
    world.run("job-1").await;
    let status = world.reason("job", JobReason::Running).await;
    assert_eq!((status.attempts, status.pod_name.as_deref()), (Some(2), Some("job-1")));
    assert!(!holds(&status, ConditionType::Retrying));

    world
        .terminate("job-1", json!({ "exitCode": 137, "reason": "OOMKilled" }))
        .await;
    let status = world.reason("job", JobReason::OOMKilled).await;
    assert_eq!((status.phase.as_deref(), status.attempts), (Some("Failed"), Some(2)));
    assert!(status.is_final());
    assert_eq!(
        world.there::<Pod>("job").await.uid(),
        first.uid(),
        "its log can still be read"
    );
}

#[tokio::test]
async fn a_running_pod_that_is_deleted_is_a_failed_attempt() {
    let world = World::new("lost").await;
    let _operator = world.operator();
    world.submit("job", json!({ "backoffLimit": 1 })).await;
    world.run("job").await;
    world.reason("job", JobReason::Running).await;
    world.let_go("job").await;
    let status = world.reason("job", JobReason::RetryBackoff).await;
    assert!(status.message.unwrap().starts_with("PodDeleted"));
    world.there::<Pod>("job-1").await;
    world.run("job-1").await;
    world.reason("job", JobReason::Running).await;
    world.let_go("job-1").await;
    let status = world.reason("job", JobReason::PodDeleted).await;
    assert!(status.is_final());
    assert_eq!(status.attempts, Some(2));
}

#[tokio::test]
async fn a_pod_that_restarts_always_is_made_again() {
    let world = World::new("always").await;
    let _operator = world.operator();
    let template = json!({ "template": { "spec": { "restartPolicy": null } } });
    world.submit("job", template).await;
    world.run("job").await;
    world.reason("job", JobReason::Running).await;
    let before: Pod = world.there("job").await;
    world.let_go("job").await;
    world
        .until("another pod", || async {
            world
                .api::<Pod>()
                .get_opt("job")
                .await
                .unwrap()
                .filter(|pod| pod.uid() != before.uid())
        })
        .await;
    world.run("job").await;
    assert_eq!(world.reason("job", JobReason::Running).await.attempts, Some(1));
}

#[tokio::test]
async fn a_job_that_waits_for_its_retry_can_be_stopped() {
    let world = World::new("stopretry").await;
    let _operator = world.operator();
    world.submit("job", json!({ "backoffLimit": 1 })).await;
    world.run("job").await;
    world.exit("job", 3).await;
    world.reason("job", JobReason::RetryBackoff).await;
    world.edit("job", json!({ "stop": true })).await;
    // It had ended by itself before.
    assert!(world.reason("job", JobReason::ProcessFailed).await.is_final());
}
