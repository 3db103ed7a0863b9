//! The objects of one job, to make more of the same.

use k8s_openapi::{
    api::{
        core::v1::{Pod, Service},
        networking::v1::Ingress,
    },
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use kube::{Resource, api::ObjectMeta};

use crate::space::Space;

/// The objects of one job, as the operator makes them.
pub(crate) struct Sample {
    pub(crate) pod: Pod,
    pub(crate) service: Service,
    pub(crate) ingress: Ingress,
}

impl Sample {
    pub(crate) async fn of(space: &Space) -> Self {
        let mut pod = space.api::<Pod>().get("job-0").await.unwrap();
        let mut service = space.api::<Service>().get("job-0").await.unwrap();
        let ingress = space.api::<Ingress>().get("job-0").await.unwrap();
        pod.status = None;
        let spec = service.spec.as_mut().unwrap();
        (spec.cluster_ip, spec.cluster_ips) = (None, None);
        service.status = None;
        Self { pod, service, ingress }
    }
}

/// The object under another name, with an owner in this namespace: whatever an owner costs, it costs both.
pub(crate) fn renamed<K: Resource + Clone>(object: &K, name: &str, owner: &OwnerReference) -> K {
    let mut object = object.clone();
    let meta = object.meta_mut();
    *meta = ObjectMeta {
        name: Some(name.to_owned()),
        labels: meta.labels.clone(),
        annotations: meta.annotations.clone(),
        owner_references: Some(vec![owner.clone()]),
        ..ObjectMeta::default()
    };
    object
}
