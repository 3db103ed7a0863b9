//! The Gateway API's route of a job.

use flow_operator_api::IflearnerJob;
use kube::{
    ResourceExt,
    core::{ApiResource, DynamicObject, TypeMeta},
};
use serde_json::json;

use super::{ingress::exposed_port, meta};
use crate::config::GatewayConfig;

/// The kind `GRPCRoute`.
pub(crate) fn grpc_route() -> ApiResource {
    ApiResource {
        group: "gateway.networking.k8s.io".to_owned(),
        version: "v1".to_owned(),
        api_version: "gateway.networking.k8s.io/v1".to_owned(),
        kind: "GRPCRoute".to_owned(),
        plural: "grpcroutes".to_owned(),
    }
}

/// A GRPCRoute of the job's host on the Gateway. The certificate is the Gateway's affair.
pub(super) fn route(job: &IflearnerJob, gateway: &GatewayConfig) -> DynamicObject {
    let kind = grpc_route();
    let mut parent = json!({ "group": kind.group, "kind": "Gateway", "name": gateway.name });
    if let Some(namespace) = &gateway.namespace {
        parent["namespace"] = json!(namespace);
    }
    if let Some(section) = &gateway.section_name {
        parent["sectionName"] = json!(section);
    }
    let backend =
        json!({ "group": "", "kind": "Service", "name": job.name_any(), "port": exposed_port(job), "weight": 1 });
    let mut route = DynamicObject {
        types: Some(TypeMeta {
            api_version: kind.api_version,
            kind: kind.kind,
        }),
        metadata: meta::owned(job, job.name_any(), Default::default()),
        data: json!({
            "spec": {
                "parentRefs": [parent],
                "hostnames": [job.spec.host],
                "rules": [{ "backendRefs": [backend] }],
            },
        }),
    };
    let digest = meta::digest(&route);
    route.annotations_mut().insert(meta::APPLIED.to_owned(), digest);
    route
}
