//! The objects of a job, made from its spec and the configuration, and nothing else.

mod certificates;
mod ingress;
mod meta;
mod pod;
mod preset;
mod route;
mod security;
mod service;
#[cfg(test)]
mod tests;

use flow_operator_api::IflearnerJob;
use k8s_openapi::api::{core::v1::Service, networking::v1::Ingress};
use kube::core::DynamicObject;

pub(crate) use self::{
    meta::{ENDED_AT, ENDED_BY, pod_name},
    pod::{pod, template_digest},
};
use crate::config::{Config, RouteKind, Routing};

/// What makes a job's pod reachable. What is `None` is not to be there.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    pub(crate) service: Service,
    pub(crate) ingress: Option<Ingress>,
    pub(crate) route: Option<(RouteKind, DynamicObject)>,
}

/// The service of a job, and its route from outside.
pub(crate) fn network(job: &IflearnerJob, config: &Config) -> Network {
    let asked = job.spec.ingress.as_ref().and_then(|ingress| ingress.enabled);
    let exposed = asked.unwrap_or(true) && !job.spec.host.is_empty();
    let routing = if exposed { config.routing } else { Routing::None };
    Network {
        service: service::service(job, config),
        ingress: (routing == Routing::Ingress).then(|| ingress::ingress(job, &config.ingress)),
        route: (routing == Routing::Gateway).then(|| (config.gateway.route, route::route(job, &config.gateway))),
    }
}
