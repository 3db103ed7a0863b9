//! What the API server refuses: quotas, admission, rights.

use flow_operator_api::{ConditionType, JobReason};
use k8s_openapi::api::{
    authentication::v1::TokenRequest,
    core::v1::{Pod, ResourceQuota, ServiceAccount},
    rbac::v1::{Role, RoleBinding},
};
use kube::{
    api::{Patch, PatchParams, PostParams},
    config::Kubeconfig,
};
use serde_json::json;

use crate::world::{World, holds};

#[tokio::test]
async fn a_quota_holds_a_job_up_and_is_named() {
    let world = World::new("quota").await;
    let quota: ResourceQuota =
        serde_json::from_value(json!({ "metadata": { "name": "few" }, "spec": { "hard": { "pods": "0" } } })).unwrap();
    world.api().create(&PostParams::default(), &quota).await.unwrap();
    world
        .until("a quota in force", || async {
            let quota = world.api::<ResourceQuota>().get("few").await.unwrap();
            quota.status?.hard.map(drop)
        })
        .await;
    let _operator = world.operator();
    world.submit("job", json!({})).await;
    let status = world.reason("job", JobReason::QuotaExceeded).await;
    assert_eq!((status.phase.as_deref(), status.attempts), (Some("Pending"), None));
    assert!(status.message.unwrap().contains("exceeded quota: few"));
    let more = Patch::Merge(json!({ "spec": { "hard": { "pods": "1" } } }));
    world
        .api::<ResourceQuota>()
        .patch("few", &PatchParams::default(), &more)
        .await
        .unwrap();
    world.there::<Pod>("job").await;
    world
        .status("job", "applied", |status| holds(status, ConditionType::Applied))
        .await;
}

#[tokio::test]
async fn an_admission_rule_holds_a_job_up_and_is_named() {
    let world = World::labelled(
        "admission",
        json!({ "pod-security.kubernetes.io/enforce": "restricted" }),
    )
    .await;
    let _operator = world.operator_with(&["security=template"]);
    world.submit("job", json!({ "activeDeadlineSeconds": 4 })).await;
    let status = world.reason("job", JobReason::AdmissionDenied).await;
    assert!(status.message.unwrap().contains("violates PodSecurity"));
    // It does not wait for ever.
    assert!(world.reason("job", JobReason::DeadlineExceeded).await.is_final());
}

#[tokio::test]
async fn a_template_that_the_api_server_refuses_is_told_in_its_words() {
    let world = World::new("invalid").await;
    let _operator = world.operator();
    world
        .submit(
            "job",
            json!({ "template": { "spec": { "containers": [{ "name": "Not_A_Name", "image": "a" }] } } }),
        )
        .await;
    let status = world.reason("job", JobReason::InvalidSpec).await;
    assert!(status.message.unwrap().contains("spec.containers[0].name"));
}

/// The rules that an operator of one namespace needs. `deploy/kustomize/operator` grants the same.
fn rules() -> serde_json::Value {
    json!([
        { "apiGroups": ["git.iflytek.com"], "resources": ["iflearnerjobs"], "verbs": ["get", "list", "watch", "delete"] },
        { "apiGroups": ["git.iflytek.com"], "resources": ["iflearnerjobs/status"], "verbs": ["patch"] },
        { "apiGroups": ["git.iflytek.com"], "resources": ["iflearnerjobs/finalizers"], "verbs": ["update"] },
        { "apiGroups": [""], "resources": ["pods", "services"], "verbs": ["get", "list", "watch", "create", "patch", "delete"] },
        { "apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["get", "list", "watch", "create", "patch", "delete"] },
        { "apiGroups": ["gateway.networking.k8s.io"], "resources": ["grpcroutes", "httproutes"], "verbs": ["get", "list", "watch", "create", "patch", "delete"] },
        { "apiGroups": [""], "resources": ["events"], "verbs": ["list"] },
        { "apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"] },
        { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"] },
    ])
}

#[tokio::test]
async fn the_rights_of_its_service_account_are_enough() {
    let world = World::new("rights").await;
    let account: ServiceAccount = serde_json::from_value(json!({ "metadata": { "name": "flow-operator" } })).unwrap();
    let role: Role =
        serde_json::from_value(json!({ "metadata": { "name": "flow-operator" }, "rules": rules() })).unwrap();
    let binding: RoleBinding = serde_json::from_value(json!({
        "metadata": { "name": "flow-operator" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "flow-operator" },
        "subjects": [{ "kind": "ServiceAccount", "name": "flow-operator", "namespace": world.namespace }],
    }))
    .unwrap();
    let by = PostParams::default();
    world.api().create(&by, &account).await.unwrap();
    world.api().create(&by, &role).await.unwrap();
    world.api().create(&by, &binding).await.unwrap();

    let token: TokenRequest = world
        .api::<ServiceAccount>()
        .create_subresource("token", "flow-operator", &by, &TokenRequest::default())
        .await
        .unwrap();
    let mut config = Kubeconfig::read_from(&world.kubeconfig).unwrap();
    for user in &mut config.auth_infos {
        user.auth_info =
            Some(serde_json::from_value(json!({ "token": token.status.as_ref().unwrap().token })).unwrap());
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("kubeconfig");
    std::fs::write(&path, serde_json::to_vec(&config).unwrap()).unwrap();

    let operator = world.start(&[]).kubeconfig(path).go();
    world
        .submit("job", json!({ "backoffLimit": 1, "ttlSecondsAfterFinished": 3 }))
        .await;
    world.settled("job").await;
    let edited = Patch::Merge(json!({ "spec": { "selector": { "app": "other" } } }));
    world
        .api::<k8s_openapi::api::core::v1::Service>()
        .patch("job", &PatchParams::default(), &edited)
        .await
        .unwrap();
    world
        .until("a healed service", || async {
            let service = world
                .api::<k8s_openapi::api::core::v1::Service>()
                .get("job")
                .await
                .unwrap();
            (service.spec?.selector?.get("app")? == "job").then_some(())
        })
        .await;
    world.run("job").await;
    world.exit("job", 1).await;
    world.there::<Pod>("job-1").await;
    world.run("job-1").await;
    world.reason("job", JobReason::Running).await;
    world.edit("job", json!({ "stop": true })).await;
    world
        .until("a deadline that is over", || async {
            let pod = world.api::<Pod>().get("job-1").await.unwrap();
            (pod.spec?.active_deadline_seconds == Some(1)).then_some(())
        })
        .await;
    world
        .report("job-1", json!({ "phase": "Failed", "reason": "DeadlineExceeded" }))
        .await;
    world.reason("job", JobReason::Stopped).await;
    world
        .until("an event", || async {
            (!world.events_of("job").await.is_empty()).then_some(())
        })
        .await;
    world.gone::<flow_operator_api::IflearnerJob>("job").await;
    let log = operator.log();
    assert!(!log.contains("orbidden"), "{log}");
}
