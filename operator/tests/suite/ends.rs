//! How jobs pause and end.

use flow_operator_api::{ConditionType, IflearnerJob, JobReason};
use k8s_openapi::api::{
    core::v1::{Pod, Service},
    networking::v1::Ingress,
};
use kube::{ResourceExt, api::DeleteParams};
use serde_json::json;

use crate::world::{World, holds};

#[tokio::test]
async fn a_suspended_job_has_no_pod_and_goes_on_when_resumed() {
    let world = World::new("suspend").await;
    let _operator = world.operator();
    world.submit("job", json!({})).await;
    world.run("job").await;
    world.reason("job", JobReason::Running).await;
    let pod: Pod = world.there("job").await;

    world.edit("job", json!({ "suspend": true })).await;
    let deleted = world.deleting("job").await;
    assert_eq!(
        deleted.metadata.deletion_grace_period_seconds,
        Some(5),
        "it may end in peace"
    );
    // As the kubelet does before it lets the pod go.
    world.exit("job", 143).await;
    world.let_go("job").await;
    let status = world.status("job", "no pod", |status| status.pod_name.is_none()).await;
    assert_eq!(status.phase.as_deref(), Some("Pending"));
    assert_eq!(status.reason.as_deref(), Some("Suspended"));
    assert!(holds(&status, ConditionType::Suspended));
    assert_eq!(status.start_time, None);
    world.there::<Service>("job").await;
    world.there::<Ingress>("job").await;

    world.edit("job", json!({ "suspend": false })).await;
    let resumed: Pod = world.there("job").await;
    assert_ne!(resumed.uid(), pod.uid());
    world.run("job").await;
    let status = world.reason("job", JobReason::Running).await;
    assert!(!holds(&status, ConditionType::Suspended));
    assert_eq!(status.attempts, Some(1), "a pause is no failure");
}

#[tokio::test]
async fn a_job_that_is_resumed_while_its_pod_ends_has_not_failed() {
    let world = World::new("resume").await;
    let _operator = world.operator();
    world.submit("job", json!({})).await;
    world.run("job").await;
    world.reason("job", JobReason::Running).await;
    world.edit("job", json!({ "suspend": true })).await;
    world.deleting("job").await;
    world.edit("job", json!({ "suspend": false })).await;
    world.exit("job", 143).await;
    world.let_go("job").await;
    world.there::<Pod>("job").await;
    world.run("job").await;
    world.reason("job", JobReason::Running).await;
}

#[tokio::test]
async fn a_stopped_job_ends_for_good_and_keeps_its_pod() {
    let world = World::new("stop").await;
    let _operator = world.operator();
    world.submit("job", json!({ "backoffLimit": 3 })).await;
    world.run("job").await;
    world.reason("job", JobReason::Running).await;
    world.edit("job", json!({ "stop": true })).await;
    world
        .until("a deadline that is over", || async {
            let pod = world.api::<Pod>().get("job").await.unwrap();
            (pod.spec.unwrap().active_deadline_seconds == Some(1)).then_some(())
        })
        .await;
    // As the kubelet does then.
    let failed = json!({ "phase": "Failed", "reason": "DeadlineExceeded", "message": "Pod was active on the node longer than the specified deadline" });
    world.report("job", failed).await;
    let status = world.reason("job", JobReason::Stopped).await;
    assert_eq!(status.phase.as_deref(), Some("Failed"));
    assert!(status.is_final());
    // The pod and its log stay, and there is no other.
    world.edit("job", json!({ "stop": false })).await;
    world.there::<Pod>("job").await;
    assert!(world.reason("job", JobReason::Stopped).await.is_final());
}

#[tokio::test]
async fn a_job_that_is_stopped_before_it_has_a_node_loses_its_pod() {
    let world = World::new("stoppending").await;
    let _operator = world.operator();
    world.submit("job", json!({})).await;
    world.settled("job").await;
    world.edit("job", json!({ "stop": true })).await;
    assert!(world.reason("job", JobReason::Stopped).await.is_final());
    world.gone::<Pod>("job").await;
}

#[tokio::test]
async fn a_job_that_is_born_stopped_never_has_a_pod() {
    let world = World::new("stopborn").await;
    let _operator = world.operator();
    world.submit("job", json!({ "stop": true })).await;
    let status = world.reason("job", JobReason::Stopped).await;
    assert!(status.is_final());
    assert_eq!(status.attempts, None);
    assert!(world.api::<Pod>().get_opt("job").await.unwrap().is_none());
}

#[tokio::test]
async fn a_job_that_ended_by_itself_before_the_stop_keeps_its_result() {
    let world = World::new("stoplate").await;
    let mut operator = world.operator();
    world.submit("job", json!({})).await;
    world.run("job").await;
    world.reason("job", JobReason::Running).await;
    operator.kill();
    world.exit("job", 0).await;
    world.edit("job", json!({ "stop": true })).await;
    let _operator = world.operator();
    assert_eq!(
        world.reason("job", JobReason::Succeeded).await.phase.as_deref(),
        Some("Succeeded")
    );
}

#[tokio::test]
async fn a_job_that_waits_too_long_for_a_node_exceeds_its_deadline() {
    let world = World::new("deadline").await;
    let _operator = world.operator();
    world.submit("job", json!({ "activeDeadlineSeconds": 2 })).await;
    let status = world.reason("job", JobReason::DeadlineExceeded).await;
    assert_eq!(status.phase.as_deref(), Some("Failed"));
    assert!(holds(&status, ConditionType::Failed));
    world.gone::<Pod>("job").await;
}

#[tokio::test]
async fn a_job_that_runs_too_long_is_ended_by_its_deadline_and_keeps_its_pod() {
    let world = World::new("deadlinerun").await;
    let _operator = world.operator();
    world
        .submit("job", json!({ "activeDeadlineSeconds": 3, "backoffLimit": 5 }))
        .await;
    world.run("job").await;
    world
        .until("a deadline that is over", || async {
            let pod = world.api::<Pod>().get("job").await.unwrap();
            (pod.spec.unwrap().active_deadline_seconds == Some(1)).then_some(())
        })
        .await;
    world
        .report("job", json!({ "phase": "Failed", "reason": "DeadlineExceeded" }))
        .await;
    assert!(world.reason("job", JobReason::DeadlineExceeded).await.is_final());
    world.there::<Pod>("job").await;
}

#[tokio::test]
async fn an_ended_job_goes_with_all_it_has_after_its_time_to_live() {
    let world = World::new("ttl").await;
    let _operator = world.operator();
    world.submit("job", json!({ "ttlSecondsAfterFinished": 2 })).await;
    world.run("job").await;
    world.exit("job", 0).await;
    world.reason("job", JobReason::Succeeded).await;
    world.gone::<IflearnerJob>("job").await;
    world.gone::<Pod>("job").await;
    world.gone::<Service>("job").await;
    world.gone::<Ingress>("job").await;
}

#[tokio::test]
async fn a_deleted_job_takes_all_it_has_along() {
    let world = World::new("delete").await;
    let _operator = world.operator();
    world.submit("job", json!({})).await;
    world.settled("job").await;
    world.jobs().delete("job", &DeleteParams::foreground()).await.unwrap();
    world.gone::<Pod>("job").await;
    world.gone::<Service>("job").await;
    world.gone::<Ingress>("job").await;
    world.gone::<IflearnerJob>("job").await;
}
