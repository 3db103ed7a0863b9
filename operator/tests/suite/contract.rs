//! The objects that the original operator made, and what ours adds.

use std::{fs, path::Path};

use k8s_openapi::api::{
    core::v1::{Pod, Service},
    networking::v1::Ingress,
};
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::world::World;

fn legacy(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/manifests/legacy")
        .join(name);
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn owner(job: &flow_operator_api::IflearnerJob) -> Value {
    json!([{
        "apiVersion": "git.iflytek.com/v1", "kind": "IflearnerJob", "name": job.name_any(), "uid": job.uid(),
        "controller": true, "blockOwnerDeletion": true,
    }])
}

fn value(object: &impl serde::Serialize) -> Value {
    let mut value = serde_json::to_value(object).unwrap();
    if let Some(owners) = value["metadata"]["ownerReferences"].as_array_mut() {
        for owner in owners {
            // The order of fields does not matter, but `null`s would.
            owner.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        }
    }
    value
}

#[tokio::test]
async fn a_server_of_the_old_style_gets_all_its_objects() {
    let world = World::new("server").await;
    let _operator = world.operator();
    let job = world.create(&legacy("server.yaml")).await;
    let name = "iflearnerjob-server";
    world.settled(name).await;

    let pod = value(&world.there::<Pod>(name).await);
    assert_eq!(pod["metadata"]["ownerReferences"], owner(&job));
    assert_eq!(pod["metadata"]["labels"]["app"], name);
    assert_eq!(pod["spec"]["restartPolicy"], "Always");
    assert_eq!(pod["spec"]["automountServiceAccountToken"], false);
    let container = &pod["spec"]["containers"][0];
    assert_eq!(
        container["args"],
        json!([
            "python",
            "iflearner/business/homo/aggregate_server.py",
            "-n=2",
            "--epochs=10"
        ])
    );
    assert_eq!(container["imagePullPolicy"], "IfNotPresent");
    assert_eq!(container["volumeMounts"], Value::Null, "a server has no certificates");

    let service = value(&world.there::<Service>(name).await);
    assert_eq!(service["metadata"]["ownerReferences"], owner(&job));
    assert_eq!(service["spec"]["type"], "ClusterIP");
    assert_eq!(service["spec"]["selector"], json!({ "app": name }));
    assert_eq!(
        service["spec"]["ports"],
        json!([
            { "name": "grpc", "port": 80, "targetPort": 50001, "protocol": "TCP", "appProtocol": "kubernetes.io/h2c" },
            { "name": "http", "port": 82, "targetPort": 50002, "protocol": "TCP" },
        ])
    );
    assert_ingress(&world, &job, "job1.server.iflearner.com", "server-iflearner-secret").await;
}

async fn assert_ingress(world: &World, job: &flow_operator_api::IflearnerJob, host: &str, secret: &str) {
    let name = job.name_any();
    let mut ingress = value(&world.there::<Ingress>(&name).await);
    assert_eq!(ingress["metadata"]["ownerReferences"], owner(job));
    let annotations = ingress["metadata"]["annotations"].as_object_mut().unwrap();
    annotations.remove("git.iflytek.com/applied-sha256").expect("a digest");
    assert_eq!(
        json!(annotations),
        json!({
            "kubernetes.io/ingress.class": "nginx",
            "nginx.ingress.kubernetes.io/ssl-redirect": "true",
            "nginx.ingress.kubernetes.io/backend-protocol": "GRPC",
            "nginx.ingress.kubernetes.io/proxy-body-size": "1024m",
            "nginx.ingress.kubernetes.io/proxy-read-timeout": "86400",
            "nginx.ingress.kubernetes.io/proxy-send-timeout": "86400",
        })
    );
    assert_eq!(
        ingress["spec"],
        json!({
            "rules": [{ "host": host, "http": { "paths": [{
                "path": "/", "pathType": "Prefix", "backend": { "service": { "name": name, "port": { "number": 80 } } },
            }] } }],
            "tls": [{ "hosts": [host], "secretName": secret }],
        })
    );
}

#[tokio::test]
async fn a_client_of_the_old_style_gets_the_certificates_too() {
    let world = World::new("client").await;
    let _operator = world.operator();
    let job = world.create(&legacy("client.yaml")).await;
    let name = "iflearnerjob-client1";
    let status = world.settled(name).await;
    assert_eq!(status.attempts, Some(1));
    assert_eq!(status.pod_name.as_deref(), Some(name));
    assert_eq!(status.observed_generation, job.metadata.generation);

    let pod = value(&world.there::<Pod>(name).await);
    assert_eq!(pod["spec"]["restartPolicy"], "Never");
    let mount = |volume: &str, file: &str| json!({ "name": volume, "mountPath": format!("/etc/{file}"), "subPath": file, "readOnly": true });
    let container = &pod["spec"]["containers"][0];
    assert_eq!(container["workingDir"], "/iflearner/examples/homo/quickstart_pytorch");
    assert_eq!(
        container["volumeMounts"],
        json!([
            mount("server-iflearner-crt", "server-iflearner-secret.crt"),
            mount("party-iflearner-crt", "party-iflearner-secret.crt"),
        ])
    );
    let volume = |name: &str| json!({ "name": name, "configMap": { "name": name, "defaultMode": 420 } });
    assert_eq!(
        pod["spec"]["volumes"],
        json!([volume("server-iflearner-crt"), volume("party-iflearner-crt")])
    );

    let service = value(&world.there::<Service>(name).await);
    assert_eq!(
        service["spec"]["ports"],
        json!([{ "name": "grpc", "port": 80, "targetPort": 50001, "protocol": "TCP", "appProtocol": "kubernetes.io/h2c" }])
    );
    assert_ingress(&world, &job, "job1.a.party.iflearner.com", "party-iflearner-secret").await;
}

#[tokio::test]
async fn what_programs_wrote_for_the_original_is_honoured() {
    let world = World::new("generated").await;
    let _operator = world.operator();
    world.create(&legacy("generated.yaml")).await;
    let pod: Pod = world.there("iflearnerjob-generated").await;
    assert_eq!(pod.labels().get("team").map(String::as_str), Some("vision"));
    assert_eq!(pod.spec.unwrap().scheduler_name.as_deref(), Some("volcano"));
}

#[tokio::test]
async fn pods_pass_pod_security_restricted() {
    let world = World::labelled(
        "restricted",
        json!({ "pod-security.kubernetes.io/enforce": "restricted" }),
    )
    .await;
    let _operator = world.operator();
    world.submit("job", json!({})).await;
    let pod = value(&world.there::<Pod>("job").await);
    assert_eq!(
        pod["spec"]["securityContext"],
        json!({ "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": { "type": "RuntimeDefault" } })
    );
    assert_eq!(
        pod["spec"]["containers"][0]["securityContext"],
        json!({ "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } })
    );
}

#[tokio::test]
async fn the_new_fields_do_what_they_say() {
    let world = World::new("fields").await;
    let _operator = world.operator();
    let more = json!({
        "ports": [
            { "name": "api", "port": 443, "targetPort": 9000 },
            { "name": "flower", "port": 9092, "targetPort": 9092, "appProtocol": "kubernetes.io/h2c" },
        ],
        "ingress": { "className": "contour", "annotations": { "a/b": "c" }, "tlsSecretName": "mine", "port": "flower" },
        "certificates": [{ "secret": "ca", "key": "ca.crt", "mountPath": "/certs/ca.crt" }],
        "priorityClassName": "system-node-critical",
        "schedulername": "mine",
    });
    world.submit("job", more).await;
    let ingress = value(&world.there::<Ingress>("job").await);
    assert_eq!(ingress["spec"]["ingressClassName"], "contour");
    assert_eq!(ingress["spec"]["tls"][0]["secretName"], "mine");
    assert_eq!(
        ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"]["number"],
        9092
    );
    assert_eq!(ingress["metadata"]["annotations"]["a/b"], "c");
    assert_eq!(
        ingress["metadata"]["annotations"]["kubernetes.io/ingress.class"],
        Value::Null
    );
    let service = value(&world.there::<Service>("job").await);
    assert_eq!(service["spec"]["ports"][0]["targetPort"], 9000);
    let pod = value(&world.there::<Pod>("job").await);
    assert_eq!(pod["spec"]["schedulerName"], "mine");
    assert_eq!(pod["spec"]["priorityClassName"], "system-node-critical");
    assert_eq!(pod["spec"]["volumes"][0]["secret"]["secretName"], "ca");
    assert_eq!(
        pod["spec"]["containers"][0]["volumeMounts"][0]["mountPath"],
        "/certs/ca.crt"
    );
}

#[tokio::test]
async fn the_status_has_what_the_pod_says() {
    let world = World::new("status").await;
    let _operator = world.operator();
    world.submit("job", json!({})).await;
    world.run("job").await;
    let status = world.reason("job", flow_operator_api::JobReason::Running).await;
    assert_eq!(status.phase.as_deref(), Some("Running"));
    assert_eq!(status.pod_ip.as_deref(), Some("10.9.8.7"));
    assert_eq!(status.host_ip.as_deref(), Some("10.0.0.1"));
    assert!(status.start_time.is_some());
    assert!(
        status
            .conditions
            .iter()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True")
    );
    let state = status.container_statuses.unwrap()[0].state.clone().unwrap();
    assert!(state.running.is_some());
    world.exit("job", 0).await;
    let status = world.reason("job", flow_operator_api::JobReason::Succeeded).await;
    assert_eq!(status.phase.as_deref(), Some("Succeeded"));
    assert!(status.is_final());
}
