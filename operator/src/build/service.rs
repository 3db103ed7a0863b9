//! The service of a job.

use flow_operator_api::{APP, IflearnerJob};
use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};
use kube::ResourceExt;

use super::{meta, preset};
use crate::config::{Config, Routing};

pub(super) fn service(job: &IflearnerJob, config: &Config) -> Service {
    let annotations = match config.routing {
        Routing::Ingress => preset::service_annotations(&config.ingress, &job.spec.ports()),
        Routing::Gateway | Routing::None => config.ingress.service_annotations.clone(),
    };
    let ports = job.spec.ports().into_iter().map(|port| ServicePort {
        name: Some(port.name),
        port: port.port,
        target_port: Some(IntOrString::Int(port.target_port)),
        protocol: Some("TCP".to_owned()),
        app_protocol: port.app_protocol,
        ..ServicePort::default()
    });
    meta::sealed(Service {
        metadata: meta::owned(job, job.name_any(), annotations),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            selector: Some([(APP.to_owned(), job.name_any())].into()),
            ports: Some(ports.collect()),
            ..ServiceSpec::default()
        }),
        status: None,
    })
}
