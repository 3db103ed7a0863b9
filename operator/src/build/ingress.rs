//! The ingress of a job.

use flow_operator_api::IflearnerJob;
use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend, IngressSpec,
    IngressTLS, ServiceBackendPort,
};
use kube::ResourceExt;

use super::{meta, preset};
use crate::config::IngressConfig;

pub(super) fn ingress(job: &IflearnerJob, config: &IngressConfig) -> Ingress {
    let asked = job.spec.ingress.as_ref();
    let choice = preset::choose(config, asked);
    let secret = asked.and_then(|ingress| ingress.tls_secret_name.clone());
    let host = &job.spec.host;
    let path = HTTPIngressPath {
        path: Some("/".to_owned()),
        path_type: "Prefix".to_owned(),
        backend: IngressBackend {
            service: Some(IngressServiceBackend {
                name: job.name_any(),
                port: Some(ServiceBackendPort {
                    name: None,
                    number: Some(exposed_port(job)),
                }),
            }),
            resource: None,
        },
    };
    meta::sealed(Ingress {
        metadata: meta::owned(job, job.name_any(), choice.annotations),
        spec: Some(IngressSpec {
            ingress_class_name: choice.class_name,
            default_backend: None,
            rules: Some(vec![IngressRule {
                host: Some(host.clone()),
                http: Some(HTTPIngressRuleValue { paths: vec![path] }),
            }]),
            tls: Some(vec![IngressTLS {
                hosts: Some(vec![host.clone()]),
                secret_name: Some(secret.unwrap_or_else(|| job.spec.role.tls_secret().to_owned())),
            }]),
        }),
        status: None,
    })
}

/// The Service's port that is reached from outside: the one that is asked for, or the first.
pub(super) fn exposed_port(job: &IflearnerJob) -> i32 {
    let ports = job.spec.ports();
    let asked = job.spec.ingress.as_ref().and_then(|ingress| ingress.port.as_deref());
    let found = asked.and_then(|name| ports.iter().find(|port| port.name == name));
    // Validation refuses a name that no port has, and an empty list.
    found.or(ports.first()).map_or(80, |port| port.port)
}
