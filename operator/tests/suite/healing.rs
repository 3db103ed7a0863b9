//! What is deleted or edited becomes as it should be; what belongs to others is left alone.

use flow_operator_api::{ConditionType, JobReason};
use k8s_openapi::api::{
    core::v1::{Pod, Service},
    networking::v1::Ingress,
};
use kube::{
    Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::world::{World, condition, holds};

async fn edit<K>(world: &World, name: &str, patch: Value)
where
    K: Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + serde::de::DeserializeOwned
        + std::fmt::Debug,
{
    let by = PatchParams {
        field_manager: Some("somebody".to_owned()),
        ..PatchParams::default()
    };
    world.api::<K>().patch(name, &by, &Patch::Merge(patch)).await.unwrap();
}

#[tokio::test]
async fn deleted_objects_are_made_again() {
    let world = World::new("deleted").await;
    let _operator = world.operator();
    world.submit("job", json!({})).await;
    world.settled("job").await;
    let (service, ingress, pod) = (
        world.there::<Service>("job").await,
        world.there::<Ingress>("job").await,
        world.there::<Pod>("job").await,
    );
    world
        .api::<Service>()
        .delete("job", &DeleteParams::default())
        .await
        .unwrap();
    world
        .api::<Ingress>()
        .delete("job", &DeleteParams::default())
        .await
        .unwrap();
    // It never ran, so nothing is lost.
    world.let_go("job").await;
    world
        .until("new ones", || async {
            let new_service = world.api::<Service>().get_opt("job").await.unwrap()?;
            let new_ingress = world.api::<Ingress>().get_opt("job").await.unwrap()?;
            let new_pod = world.api::<Pod>().get_opt("job").await.unwrap()?;
            let new =
                new_service.uid() != service.uid() && new_ingress.uid() != ingress.uid() && new_pod.uid() != pod.uid();
            new.then_some(())
        })
        .await;
    assert_eq!(world.settled("job").await.attempts, Some(1));
}

#[tokio::test]
async fn edited_objects_are_set_right() {
    let world = World::new("edited").await;
    let operator = world.operator();
    world.submit("job", json!({})).await;
    world.settled("job").await;
    let service = world.there::<Service>("job").await;
    let ports = json!([
        { "name": "grpc", "port": 80, "targetPort": 1 },
        { "name": "more", "port": 99, "targetPort": 99 },
    ]);
    edit::<Service>(
        &world,
        "job",
        json!({ "spec": { "ports": ports, "selector": { "app": "other", "more": "x" } } }),
    )
    .await;
    let changed = json!({
        "metadata": { "annotations": {
            "nginx.ingress.kubernetes.io/proxy-body-size": "1m",
            "nginx.ingress.kubernetes.io/ssl-redirect": null,
            "somebody.example.com/note": "kept",
        } },
        "spec": { "rules": [{ "host": "theirs.example.com" }] },
    });
    edit::<Ingress>(&world, "job", changed).await;
    world
        .until("healed ones", || async {
            let service = world.api::<Service>().get("job").await.unwrap().spec.unwrap();
            let ports = service.ports.unwrap();
            let selector = json!(service.selector);
            let ingress = world.api::<Ingress>().get("job").await.unwrap();
            let annotation = |name: &str| ingress.annotations().get(name).cloned().unwrap_or_default();
            let healed = ports.len() == 1
                && ports[0].target_port == Some(k8s_openapi::apimachinery::pkg::util::intstr::IntOrString::Int(50001))
                && selector == json!({ "app": "job" })
                && annotation("nginx.ingress.kubernetes.io/proxy-body-size") == "1024m"
                && annotation("nginx.ingress.kubernetes.io/ssl-redirect") == "true"
                && annotation("somebody.example.com/note") == "kept"
                && ingress.spec.as_ref()?.rules.as_ref()?[0].host.as_deref() == Some("job.party.example.com");
            healed.then_some(())
        })
        .await;
    assert_eq!(
        world.there::<Service>("job").await.uid(),
        service.uid(),
        "it was not made anew"
    );
    // Once healed, it is quiet.
    let writes = operator.metric("flow_operator_writes_total", "").await;
    world.edit("job", json!({ "ttlSecondsAfterFinished": 1000 })).await;
    world
        .status("job", "seen", |status| status.observed_generation == Some(2))
        .await;
    let more = operator.metric("flow_operator_writes_total", "").await - writes;
    assert!(more <= 2.0, "{more} writes for nothing");
}

#[tokio::test]
async fn objects_without_their_label_are_found_again() {
    let world = World::new("labels").await;
    let _operator = world.operator();
    world.submit("job", json!({})).await;
    world.settled("job").await;
    world.run("job").await;
    world.reason("job", JobReason::Running).await;
    let label = json!({ "metadata": { "labels": { "app.kubernetes.io/managed-by": null } } });
    let (service, pod) = (world.there::<Service>("job").await, world.there::<Pod>("job").await);
    edit::<Service>(&world, "job", label.clone()).await;
    edit::<Pod>(&world, "job", label).await;
    world
        .until("the labels", || async {
            let label = "app.kubernetes.io/managed-by";
            let has = |labels: &std::collections::BTreeMap<String, String>| labels.contains_key(label);
            let service = world.api::<Service>().get("job").await.unwrap();
            let pod = world.api::<Pod>().get("job").await.unwrap();
            (has(service.labels()) && has(pod.labels())).then_some(())
        })
        .await;
    assert_eq!(world.there::<Service>("job").await.uid(), service.uid());
    assert_eq!(world.there::<Pod>("job").await.uid(), pod.uid());
    assert_eq!(world.reason("job", JobReason::Running).await.attempts, Some(1));
}

#[tokio::test]
async fn what_is_not_wanted_any_more_is_taken_away() {
    let world = World::new("removed").await;
    let _operator = world.operator();
    world
        .submit(
            "job",
            json!({ "ingress": { "annotations": { "a/b": "c", "d/e": "f" } } }),
        )
        .await;
    world.settled("job").await;
    assert!(world.there::<Ingress>("job").await.annotations().contains_key("a/b"));
    world
        .edit("job", json!({ "ingress": { "annotations": { "a/b": null } } }))
        .await;
    world
        .until("one annotation less", || async {
            let ingress = world.api::<Ingress>().get("job").await.unwrap();
            (!ingress.annotations().contains_key("a/b") && ingress.annotations().contains_key("d/e")).then_some(())
        })
        .await;
    world.edit("job", json!({ "ingress": { "enabled": false } })).await;
    world.gone::<Ingress>("job").await;
}

#[tokio::test]
async fn objects_of_others_are_left_alone() {
    let world = World::new("foreign").await;
    let service: Service = serde_json::from_value(json!({
        "metadata": { "name": "job", "labels": { "app.kubernetes.io/managed-by": "somebody" } },
        "spec": { "selector": { "app": "theirs" }, "ports": [{ "port": 80 }] },
    }))
    .unwrap();
    let ingress: Ingress = serde_json::from_value(json!({
        // Even if it says that it is ours.
        "metadata": { "name": "job", "labels": { "app.kubernetes.io/managed-by": "flow-operator" } },
        "spec": { "defaultBackend": { "service": { "name": "theirs", "port": { "number": 80 } } } },
    }))
    .unwrap();
    let pod: Pod = serde_json::from_value(json!({
        "metadata": { "name": "job" }, "spec": { "containers": [{ "name": "theirs", "image": "example.test/b:1" }] },
    }))
    .unwrap();
    let service = world.api().create(&PostParams::default(), &service).await.unwrap();
    let ingress = world.api().create(&PostParams::default(), &ingress).await.unwrap();
    let pod = world.api().create(&PostParams::default(), &pod).await.unwrap();

    let _operator = world.operator();
    world.submit("job", json!({})).await;
    let status = world.reason("job", JobReason::ObjectConflict).await;
    assert_eq!(status.phase.as_deref(), Some("Pending"));
    let applied = condition(&status, ConditionType::Applied).unwrap();
    assert_eq!(
        (applied.status.as_str(), applied.reason.as_deref()),
        ("False", Some("ObjectConflict"))
    );
    world
        .until("an event", || async {
            let events = world.events_of("job").await;
            let told = events
                .iter()
                .any(|event| event.reason.as_deref() == Some("ObjectConflict"));
            told.then_some(())
        })
        .await;
    let untouched = |before: &dyn Fn() -> Option<String>, after: Option<String>| assert_eq!(before(), after);
    untouched(
        &|| service.resource_version(),
        world.there::<Service>("job").await.resource_version(),
    );
    untouched(
        &|| ingress.resource_version(),
        world.there::<Ingress>("job").await.resource_version(),
    );
    let now: Pod = world.there("job").await;
    assert_eq!(
        (now.uid(), &now.metadata.labels, &now.metadata.owner_references),
        (pod.uid(), &pod.metadata.labels, &None)
    );

    // When they are gone, the job goes on.
    world
        .api::<Service>()
        .delete("job", &DeleteParams::default())
        .await
        .unwrap();
    world
        .api::<Ingress>()
        .delete("job", &DeleteParams::default())
        .await
        .unwrap();
    world.let_go("job").await;
    world
        .status("job", "applied", |status| holds(status, ConditionType::Applied))
        .await;
}
