//! Each way in which a pod can be held up or fail, and what the job says of it.

use flow_operator_api::JobReason;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::{ResourceExt, api::PostParams};
use serde_json::json;

use crate::{kubelet::now, world::World};

#[tokio::test]
async fn what_holds_a_container_up_is_told_in_the_kubelets_words() {
    let world = World::new("waiting").await;
    let _operator = world.operator();
    world.submit("job", json!({})).await;
    let cases = [
        ("ErrImagePull", JobReason::ImagePullBackOff, "no such host"),
        (
            "ImagePullBackOff",
            JobReason::ImagePullBackOff,
            "Back-off pulling image \"example.test/a:1\"",
        ),
        (
            "ErrImageNeverPull",
            JobReason::ErrImageNeverPull,
            "Container image is not present with pull policy of Never",
        ),
        (
            "CreateContainerConfigError",
            JobReason::CreateContainerConfigError,
            "configmap \"server-iflearner-crt\" not found",
        ),
        (
            "CreateContainerError",
            JobReason::CreateContainerError,
            "context deadline exceeded",
        ),
        (
            "CrashLoopBackOff",
            JobReason::CrashLoopBackOff,
            "back-off 5m0s restarting failed container",
        ),
    ];
    for (reason, expected, message) in cases {
        world.wait_for("job", reason, message).await;
        let said = |status: &flow_operator_api::IflearnerJobStatus| {
            status.reason.as_deref() == Some(expected.as_str())
                && status.message.as_ref().is_some_and(|said| said.contains(message))
        };
        let status = world.status("job", reason, said).await;
        assert_eq!(status.phase.as_deref(), Some("Pending"));
        assert!(!status.is_final(), "{reason} may pass");
    }
    // What is no name now will never be one.
    world
        .wait_for("job", "InvalidImageName", "couldn't parse image reference")
        .await;
    assert!(world.reason("job", JobReason::InvalidImageName).await.is_final());
    world.deleting("job").await;
}

#[tokio::test]
async fn a_pod_without_a_node_is_told_in_the_schedulers_words() {
    let world = World::new("unschedulable").await;
    let _operator = world.operator();
    let template = json!({ "template": { "spec": { "nodeSelector": { "no": "such" } } } });
    world.submit("job", template).await;
    // This is the real scheduler.
    let status = world.reason("job", JobReason::Unschedulable).await;
    assert!(status.message.unwrap().contains("node"));
}

#[tokio::test]
async fn a_volume_that_cannot_be_mounted_is_read_from_the_events() {
    let world = World::new("mount").await;
    let _operator = world.operator();
    world.submit("job", json!({})).await;
    let pod = world.bind("job").await;
    let event: Event = serde_json::from_value(json!({
        "metadata": { "name": "job.1" },
        "type": "Warning", "reason": "FailedMount", "lastTimestamp": now(), "firstTimestamp": now(),
        "message": "MountVolume.SetUp failed for volume \"party-iflearner-crt\" : configmap \"party-iflearner-crt\" not found",
        "involvedObject": { "kind": "Pod", "name": "job", "namespace": world.namespace, "uid": pod.uid() },
    }))
    .unwrap();
    world
        .api::<Event>()
        .create(&PostParams::default(), &event)
        .await
        .unwrap();
    // It has been at it for a while.
    let status = json!({ "phase": "Pending", "startTime": "2026-01-01T00:00:00Z", "containerStatuses": [{
        "name": "main", "image": "a", "imageID": "", "ready": false, "restartCount": 0,
        "state": { "waiting": { "reason": "ContainerCreating" } },
    }] });
    world.report("job", status).await;
    let status = world.reason("job", JobReason::VolumeMountFailed).await;
    assert!(status.message.unwrap().contains("party-iflearner-crt"));
}

#[tokio::test]
async fn failures_say_who_ended_the_pod() {
    let world = World::new("failed").await;
    let _operator = world.operator();
    let disruption = |reason: &str| json!({ "phase": "Failed", "conditions": [{ "type": "DisruptionTarget", "status": "True", "reason": reason, "message": "so" }] });
    let cases = [
        (
            "evicted",
            json!({ "phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory." }),
            JobReason::Evicted,
        ),
        ("preempted", disruption("PreemptionByScheduler"), JobReason::Preempted),
        ("nodelost", disruption("DeletionByPodGC"), JobReason::NodeLost),
        (
            "shutdown",
            json!({ "phase": "Failed", "reason": "Terminated", "message": "Pod was terminated in response to imminent node shutdown." }),
            JobReason::NodeLost,
        ),
        (
            "resources",
            json!({ "phase": "Failed", "reason": "OutOfcpu", "message": "Node didn't have enough resource: cpu" }),
            JobReason::Unschedulable,
        ),
    ];
    for (name, status, expected) in cases {
        world.submit(name, json!({})).await;
        world.run(name).await;
        world.report(name, status).await;
        // The real scheduler may have had its say before: without a node every pod is Unschedulable for a while.
        let ended = |status: &flow_operator_api::IflearnerJobStatus| {
            status.reason.as_deref() == Some(expected.as_str()) && status.is_final()
        };
        let status = world.status(name, "its end", ended).await;
        assert_eq!(status.phase.as_deref(), Some("Failed"), "{name}");
    }
    world.submit("signal", json!({})).await;
    world.run("signal").await;
    world
        .terminate("signal", json!({ "exitCode": 139, "message": "Segmentation fault" }))
        .await;
    let message = world.reason("signal", JobReason::ProcessFailed).await.message.unwrap();
    assert!(
        message.contains("exit code 139: by signal 11") && message.contains("Segmentation fault"),
        "{message}"
    );
    let events = world.until("an event of the end", || async {
        let events = world.events_of("signal").await;
        events
            .into_iter()
            .find(|event| event.reason.as_deref() == Some("ProcessFailed"))
    });
    assert_eq!(events.await.type_.as_deref(), Some("Warning"));
    assert_eq!(
        world.there::<Pod>("signal").await.status.unwrap().phase.as_deref(),
        Some("Failed")
    );
}

#[tokio::test]
async fn a_template_that_is_none_stops_only_its_own_job() {
    let world = World::new("unreadable").await;
    let _operator = world.operator();
    let template = json!({ "template": { "spec": { "containers": [{ "name": 5, "image": ["no"] }] } } });
    let manifest = json!({
        "apiVersion": "git.iflytek.com/v1", "kind": "IflearnerJob", "metadata": { "name": "odd" },
        "spec": { "role": "client", "template": template["template"] },
    });
    world.try_create(&manifest).await.unwrap();
    world.submit("job", json!({})).await;
    world.settled("job").await;
    world
        .until("the reason", || async {
            let kind = kube::core::ApiResource::erase::<flow_operator_api::IflearnerJob>(&());
            let jobs: kube::Api<kube::core::DynamicObject> =
                kube::Api::namespaced_with(world.client.clone(), &world.namespace, &kind);
            let odd = jobs.get("odd").await.unwrap();
            (odd.data["status"]["reason"] == "InvalidSpec").then_some(())
        })
        .await;
}
