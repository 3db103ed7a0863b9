//! Leaves away what nothing is decided on.

use k8s_openapi::api::{
    core::v1::{Pod, PodSpec, Service},
    networking::v1::Ingress,
};
use kube::{Resource, core::DynamicObject};

use super::Stored;

fn trim_meta<K: Resource>(object: &mut K) {
    object.meta_mut().managed_fields = None;
    if let Some(annotations) = object.meta_mut().annotations.as_mut() {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
}

pub(super) fn trim_job(job: &mut Stored) {
    trim_meta(job);
}

/// Keeps of a pod's spec what decisions are made on. The template is in the job.
pub(crate) fn trim_pod(pod: &mut Pod) {
    trim_meta(pod);
    pod.spec = pod.spec.take().map(|spec| PodSpec {
        node_name: spec.node_name,
        active_deadline_seconds: spec.active_deadline_seconds,
        ..PodSpec::default()
    });
}

pub(super) fn trim_service(service: &mut Service) {
    trim_meta(service);
    service.status = None;
}

pub(super) fn trim_ingress(ingress: &mut Ingress) {
    trim_meta(ingress);
    ingress.status = None;
}

pub(super) fn trim_route(route: &mut DynamicObject) {
    trim_meta(route);
    if let Some(data) = route.data.as_object_mut() {
        data.remove("status");
    }
}
