//! Routes by the Gateway API, and the change from one to the other.

use k8s_openapi::{
    api::networking::v1::Ingress, apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, ResourceExt,
    api::DeleteParams,
    core::{ApiResource, DynamicObject, GroupVersionKind},
};
use serde_json::json;

use crate::world::{World, define};

/// The Gateway API's definitions, if the cluster has none: cut down to the fields that we write, with their own types and defaults.
const DEFINITIONS: [&str; 2] = [
    include_str!("../manifests/grpcroutes.yaml"),
    include_str!("../manifests/httproutes.yaml"),
];

fn routes(world: &World, kind: &str) -> Api<DynamicObject> {
    let plural = format!("{}s", kind.to_lowercase());
    let kind = GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", kind);
    let kind = ApiResource::from_gvk_with_plural(&kind, &plural);
    Api::namespaced_with(world.client.clone(), &world.namespace, &kind)
}

async fn define_routes(world: &World) {
    let definitions: Api<CustomResourceDefinition> = Api::all(world.client.clone());
    for text in DEFINITIONS {
        let definition: CustomResourceDefinition = serde_saphyr::from_str(text).unwrap();
        if definitions.get_opt(&definition.name_any()).await.unwrap().is_none() {
            define(&world.client, &definition).await;
        }
    }
}

async fn is_there(world: &World, kind: &str) -> DynamicObject {
    let get = || async { routes(world, kind).get_opt("job").await.unwrap() };
    world.until(&format!("a {kind}"), get).await
}

async fn is_away(world: &World, kind: &str) {
    let get = || async { routes(world, kind).get_opt("job").await.unwrap() };
    world
        .until(&format!("no {kind}"), || async { get().await.is_none().then_some(()) })
        .await;
}

#[tokio::test]
async fn a_gateway_gets_a_route_instead_of_an_ingress() {
    let world = World::new("gateway").await;
    define_routes(&world).await;
    let mut operator = world.operator();
    world.submit("job", json!({})).await;
    world.settled("job").await;
    operator.kill();

    let settings = [
        "routing=gateway",
        "gateway.name=edge",
        "gateway.namespace=infra",
        "gateway.section_name=grpc",
    ];
    let mut operator = world.operator_with(&settings);
    let route = is_there(&world, "GRPCRoute").await;
    let backends = json!([{ "group": "", "kind": "Service", "name": "job", "port": 80, "weight": 1 }]);
    assert_eq!(
        route.data["spec"],
        json!({
            "parentRefs": [{
                "group": "gateway.networking.k8s.io", "kind": "Gateway",
                "name": "edge", "namespace": "infra", "sectionName": "grpc",
            }],
            "hostnames": ["job.party.example.com"],
            "rules": [{ "backendRefs": backends }],
        })
    );
    assert_eq!(route.metadata.owner_references.unwrap()[0].controller, Some(true));
    world.gone::<Ingress>("job").await;
    // It is healed as everything is.
    let delete = DeleteParams::default();
    routes(&world, "GRPCRoute").delete("job", &delete).await.unwrap();
    is_there(&world, "GRPCRoute").await;
    operator.kill();

    let mut operator = world.operator_with(&[&settings[..], &["gateway.route=HTTPRoute"]].concat());
    let route = is_there(&world, "HTTPRoute").await;
    let everything = json!([{ "path": { "type": "PathPrefix", "value": "/" } }]);
    assert_eq!(
        route.data["spec"]["rules"],
        json!([{ "matches": everything, "timeouts": { "request": "0s" }, "backendRefs": backends }])
    );
    is_away(&world, "GRPCRoute").await;
    operator.kill();

    let _operator = world.operator();
    world.there::<Ingress>("job").await;
    is_away(&world, "HTTPRoute").await;
}

#[tokio::test]
async fn presets_say_what_their_controllers_want() {
    let cases = [
        ("contour", "projectcontour.io/response-timeout", "infinity"),
        ("traefik", "traefik.ingress.kubernetes.io/router.tls", "true"),
        ("haproxy", "haproxy.org/timeout-server", "24h"),
    ];
    for (preset, annotation, value) in cases {
        let world = World::new(preset).await;
        let _operator = world.operator_with(&[&format!("ingress.preset={preset}")]);
        world.submit("job", json!({})).await;
        let ingress: Ingress = world.there("job").await;
        let spec = ingress.spec.unwrap();
        assert_eq!(spec.ingress_class_name.as_deref(), Some(preset));
        let annotations = ingress.metadata.annotations.unwrap();
        assert_eq!(annotations.get(annotation).map(String::as_str), Some(value));
        assert!(
            !annotations
                .keys()
                .any(|key| key.contains("nginx") || key.contains("ingress.class"))
        );
    }
}

#[tokio::test]
async fn a_job_without_a_route_has_only_a_service() {
    let world = World::new("noroute").await;
    let _operator = world.operator_with(&["routing=none"]);
    world.submit("job", json!({})).await;
    world.there::<k8s_openapi::api::core::v1::Service>("job").await;
    let applied = |status: &flow_operator_api::IflearnerJobStatus| {
        crate::world::holds(status, flow_operator_api::ConditionType::Applied)
    };
    world.status("job", "applied", applied).await;
    assert!(world.api::<Ingress>().get_opt("job").await.unwrap().is_none());
}
