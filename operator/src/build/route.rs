//! The Gateway API's route of a job.

use flow_operator_api::IflearnerJob;
use kube::{
    ResourceExt,
    core::{ApiResource, DynamicObject, TypeMeta},
};
use serde_json::json;

use super::{ingress::exposed_port, meta};
use crate::config::{GatewayConfig, RouteKind};

const GROUP: &str = "gateway.networking.k8s.io";

impl RouteKind {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Grpc, Self::Http];

    /// Its name, as in manifests.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Grpc => "GRPCRoute",
            Self::Http => "HTTPRoute",
        }
    }

    /// Its place in the API.
    pub(crate) fn resource(self) -> ApiResource {
        ApiResource {
            group: GROUP.to_owned(),
            version: "v1".to_owned(),
            api_version: format!("{GROUP}/v1"),
            kind: self.name().to_owned(),
            plural: format!("{}s", self.name().to_lowercase()),
        }
    }
}

/// A route of the job's host on the Gateway. The certificate is the Gateway's affair.
pub(super) fn route(job: &IflearnerJob, gateway: &GatewayConfig) -> DynamicObject {
    let kind = gateway.route.resource();
    let mut parent = json!({ "group": GROUP, "kind": "Gateway", "name": gateway.name });
    if let Some(namespace) = &gateway.namespace {
        parent["namespace"] = json!(namespace);
    }
    if let Some(section) = &gateway.section_name {
        parent["sectionName"] = json!(section);
    }
    let backend =
        json!({ "group": "", "kind": "Service", "name": job.name_any(), "port": exposed_port(job), "weight": 1 });
    let mut rule = json!({ "backendRefs": [backend] });
    if gateway.route == RouteKind::Http {
        // The API's way to say: as long as it takes.
        rule["timeouts"] = json!({ "request": "0s" });
    }
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
                "rules": [rule],
            },
        }),
    };
    let digest = meta::digest(&route);
    route.annotations_mut().insert(meta::APPLIED.to_owned(), digest);
    route
}
