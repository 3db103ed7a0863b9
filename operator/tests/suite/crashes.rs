//! The operator is killed at each step of its work, and another goes on: the end is the same.

use flow_operator_api::{ConditionType, JobReason};
use k8s_openapi::api::{
    core::v1::{Pod, Service},
    networking::v1::Ingress,
};
use kube::{Api, api::ListParams};
use serde_json::json;

use crate::world::{World, holds};

/// Has an operator die at the place, and another one take over.
async fn crash_at(world: &World, place: &str) -> crate::operator::Operator {
    use std::os::unix::process::ExitStatusExt;
    let mut dying = world.start(&[]).abort_at(place).go();
    assert_eq!(dying.ended().await.signal(), Some(9), "at {place}");
    // The dead one's lease need not be waited for.
    let leases: Api<k8s_openapi::api::coordination::v1::Lease> = world.api();
    let _ = leases.delete("flow-operator", &Default::default()).await;
    world.operator()
}

async fn count<K>(world: &World) -> usize
where
    K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + serde::de::DeserializeOwned
        + std::fmt::Debug,
{
    world.api::<K>().list(&ListParams::default()).await.unwrap().items.len()
}

#[tokio::test]
async fn at_each_step_of_making_a_job() {
    for place in [
        "start",
        "after-service",
        "after-ingress",
        "after-pod",
        "before-status",
        "after-status",
    ] {
        let world = World::new("crashmake").await;
        world.submit("job", json!({})).await;
        let _operator = crash_at(&world, place).await;
        let status = world.settled("job").await;
        assert_eq!(
            (status.attempts, status.pod_name.as_deref()),
            (Some(1), Some("job")),
            "at {place}"
        );
        let counts = (
            count::<Pod>(&world).await,
            count::<Service>(&world).await,
            count::<Ingress>(&world).await,
        );
        assert_eq!(counts, (1, 1, 1), "at {place}");
    }
}

#[tokio::test]
async fn at_each_step_of_a_retry() {
    for place in ["start", "after-pod", "before-status", "after-status"] {
        let world = World::new("crashretry").await;
        let mut operator = world.operator();
        world.submit("job", json!({ "backoffLimit": 1 })).await;
        world.run("job").await;
        world.reason("job", JobReason::Running).await;
        operator.kill();
        let leases: Api<k8s_openapi::api::coordination::v1::Lease> = world.api();
        leases.delete("flow-operator", &Default::default()).await.unwrap();
        // Long ago, so that the pause is over.
        world
            .terminate(
                "job",
                json!({ "exitCode": 1, "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:00Z" }),
            )
            .await;
        let _operator = crash_at(&world, place).await;
        world.there::<Pod>("job-1").await;
        world.run("job-1").await;
        let runs = |status: &flow_operator_api::IflearnerJobStatus| {
            status.pod_name.as_deref() == Some("job-1") && status.phase.as_deref() == Some("Running")
        };
        let status = world.status("job", "a second attempt", runs).await;
        assert_eq!(status.attempts, Some(2), "at {place}");
        assert!(!holds(&status, ConditionType::Retrying));
        assert_eq!(count::<Pod>(&world).await, 2, "at {place}");
    }
}

#[tokio::test]
async fn at_each_step_of_a_suspension() {
    for place in ["after-delete-pod", "before-status", "after-status"] {
        let world = World::new("crashpause").await;
        let mut operator = world.operator();
        world.submit("job", json!({})).await;
        world.run("job").await;
        world.reason("job", JobReason::Running).await;
        operator.kill();
        let leases: Api<k8s_openapi::api::coordination::v1::Lease> = world.api();
        leases.delete("flow-operator", &Default::default()).await.unwrap();
        world.edit("job", json!({ "suspend": true })).await;
        let _operator = crash_at(&world, place).await;
        world.deleting("job").await;
        world.exit("job", 143).await;
        world.let_go("job").await;
        world
            .status("job", "a pause", |status| {
                status.pod_name.is_none() && holds(status, ConditionType::Suspended)
            })
            .await;
        world.edit("job", json!({ "suspend": false })).await;
        world.run("job").await;
        assert_eq!(
            world.reason("job", JobReason::Running).await.attempts,
            Some(1),
            "at {place}"
        );
    }
}

#[tokio::test]
async fn at_each_step_of_a_stop() {
    for place in ["after-end-pod", "before-status", "after-status"] {
        let world = World::new("crashstop").await;
        let mut operator = world.operator();
        world.submit("job", json!({})).await;
        world.run("job").await;
        world.reason("job", JobReason::Running).await;
        operator.kill();
        let leases: Api<k8s_openapi::api::coordination::v1::Lease> = world.api();
        leases.delete("flow-operator", &Default::default()).await.unwrap();
        world.edit("job", json!({ "stop": true })).await;
        let _operator = crash_at(&world, place).await;
        world
            .until("a deadline that is over", || async {
                let pod = world.api::<Pod>().get("job").await.unwrap();
                (pod.spec?.active_deadline_seconds == Some(1)).then_some(())
            })
            .await;
        world
            .report("job", json!({ "phase": "Failed", "reason": "DeadlineExceeded" }))
            .await;
        assert!(world.reason("job", JobReason::Stopped).await.is_final(), "at {place}");
    }
}
