//! Each object as a whole, for jobs that say little and jobs that say much.

use flow_operator_api::IflearnerJob;
use serde_json::{Value, json};

use super::{Network, network, pod};
use crate::config::{Config, Preset, RouteKind, Routing, Security};

fn job(role: &str, more: Value) -> IflearnerJob {
    let mut spec = json!({
        "role": role, "host": "task.example.com",
        "template": { "spec": { "containers": [{ "name": "main", "image": "example.test/a:1" }] } },
    });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(json!({
        "apiVersion": "git.iflytek.com/v1", "kind": "IflearnerJob",
        "metadata": { "name": "job", "namespace": "party-a", "uid": "6c0d" },
        "spec": spec,
    }))
    .unwrap()
}

fn config(preset: Preset) -> Config {
    let mut config = Config::default();
    config.ingress.preset = preset;
    config
}

fn all(made: &Network) -> Value {
    json!([made.service, made.ingress, made.route.as_ref().map(|(_, route)| route)])
}

#[test]
fn a_server_by_default() {
    let (job, config) = (job("server", json!({})), Config::default());
    insta::assert_yaml_snapshot!("server_pod", pod(&job, 0, &config));
    insta::assert_yaml_snapshot!("server_network", all(&network(&job, &config)));
}

#[test]
fn a_client_by_default() {
    let (job, config) = (job("client", json!({})), Config::default());
    insta::assert_yaml_snapshot!("client_pod", pod(&job, 2, &config));
    insta::assert_yaml_snapshot!("client_network", all(&network(&job, &config)));
}

#[test]
fn a_template_that_says_much_is_kept() {
    let template = json!({ "template": {
        "metadata": { "labels": { "app": "theirs", "team": "vision" }, "annotations": { "a/b": "c" } },
        "spec": {
            "serviceAccountName": "trainer",
            "schedulerName": "volcano",
            "securityContext": { "runAsUser": 1000 },
            "volumes": [{ "name": "server-iflearner-crt", "emptyDir": {} }],
            "initContainers": [{ "name": "init", "image": "example.test/a:1", "securityContext": { "runAsUser": 0 } }],
            "containers": [
                {
                    "name": "main", "image": "example.test/a:1",
                    "volumeMounts": [{ "name": "server-iflearner-crt", "mountPath": "/etc/party-iflearner-secret.crt" }],
                    "securityContext": { "capabilities": { "add": ["NET_BIND_SERVICE"] } },
                },
                { "name": "side", "image": "example.test/b:1", "securityContext": { "privileged": true } },
            ],
        },
    } });
    let mut more = template;
    more["schedulername"] = json!("ignored");
    more["priorityClassName"] = json!("high");
    insta::assert_yaml_snapshot!("template_pod", pod(&job("client", more), 0, &Config::default()));
}

#[test]
fn a_template_can_be_left_alone() {
    let config = Config {
        security: Security::Template,
        ..Config::default()
    };
    let spec = pod(&job("server", json!({})), 0, &config).spec.unwrap();
    assert_eq!(spec.security_context, None);
    assert_eq!(spec.automount_service_account_token, None);
    assert_eq!(spec.containers[0].security_context, None);
}

#[test]
fn each_preset() {
    let job = job("server", json!({}));
    for preset in [Preset::Contour, Preset::Traefik, Preset::Haproxy, Preset::None] {
        let name = format!("preset_{preset:?}").to_lowercase();
        let made = network(&job, &config(preset));
        let ingress = made.ingress.unwrap();
        let told = json!({
            "service": made.service.metadata.annotations,
            "ingress": ingress.metadata.annotations,
            "class": ingress.spec.unwrap().ingress_class_name,
        });
        insta::assert_yaml_snapshot!(name, told, { ".**[\"git.iflytek.com/applied-sha256\"]" => "…" });
    }
}

#[test]
fn a_gateway() {
    let mut config = Config {
        routing: Routing::Gateway,
        ..Config::default()
    };
    config.gateway.name = "edge".to_owned();
    config.gateway.namespace = Some("infra".to_owned());
    insta::assert_yaml_snapshot!("gateway_network", all(&network(&job("client", json!({})), &config)));
    config.gateway.route = RouteKind::Http;
    let (_, route) = network(&job("client", json!({})), &config).route.unwrap();
    insta::assert_yaml_snapshot!("gateway_http_route", route);
}

#[test]
fn no_route_without_a_host_or_where_none_is_wanted() {
    for more in [json!({ "host": "" }), json!({ "ingress": { "enabled": false } })] {
        let made = network(&job("server", more), &Config::default());
        assert!(made.ingress.is_none() && made.route.is_none());
    }
}

#[test]
fn a_class_is_named_in_one_way_only() {
    let named = |more: Value| {
        let ingress = network(&job("server", more), &Config::default()).ingress.unwrap();
        let annotations = ingress.metadata.annotations.unwrap();
        (
            ingress.spec.unwrap().ingress_class_name,
            annotations.get("kubernetes.io/ingress.class").cloned(),
        )
    };
    assert_eq!(named(json!({})), (None, Some("nginx".to_owned())));
    assert_eq!(
        named(json!({ "ingress": { "className": "mine" } })),
        (Some("mine".to_owned()), None)
    );
    let annotated = json!({ "ingress": { "annotations": { "kubernetes.io/ingress.class": "theirs" } } });
    assert_eq!(named(annotated), (None, Some("theirs".to_owned())));
}

#[test]
fn a_change_of_what_is_wanted_changes_the_digest() {
    let digest = |more: Value| {
        let ingress = network(&job("server", more), &Config::default()).ingress.unwrap();
        ingress
            .metadata
            .annotations
            .unwrap()
            .get(super::meta::APPLIED)
            .cloned()
            .unwrap()
    };
    assert_eq!(digest(json!({})), digest(json!({})));
    assert_ne!(
        digest(json!({})),
        digest(json!({ "ingress": { "annotations": { "a/b": "c" } } }))
    );
}
