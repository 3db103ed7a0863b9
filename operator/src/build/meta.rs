//! Names, labels and owners of a job's objects.

use std::collections::BTreeMap;

use flow_operator_api::{APP, IflearnerJob, MANAGED_BY, OPERATOR, ROLE, Role};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt, core::ObjectMeta};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The annotation with the digest of what was applied, by which a change of what is wanted is seen.
pub(crate) const APPLIED: &str = "git.iflytek.com/applied-sha256";

/// The annotation of a pod that the operator ends: the reason.
pub(crate) const ENDED_BY: &str = "git.iflytek.com/ended-by";

/// The annotation of a pod that the operator ends: since when, in RFC 3339.
pub(crate) const ENDED_AT: &str = "git.iflytek.com/ended-at";

/// The name of the pod of an attempt: the job's own for the first one.
pub(crate) fn pod_name(job: &str, attempt: u32) -> String {
    match attempt {
        0 => job.to_owned(),
        _ => format!("{job}-{attempt}"),
    }
}

/// The labels of everything that belongs to the job.
pub(super) fn labels(job: &IflearnerJob) -> BTreeMap<String, String> {
    let role = match job.spec.role {
        Role::Server => "server",
        Role::Client => "client",
    };
    [
        (APP, job.name_any()),
        (MANAGED_BY, OPERATOR.to_owned()),
        (ROLE, role.to_owned()),
    ]
    .map(|(label, value)| (label.to_owned(), value))
    .into()
}

/// The metadata of an object that belongs to the job.
pub(super) fn owned(job: &IflearnerJob, name: String, annotations: BTreeMap<String, String>) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: job.namespace(),
        labels: Some(labels(job)),
        annotations: (!annotations.is_empty()).then_some(annotations),
        owner_references: owner(job).map(|owner| vec![owner]),
        ..ObjectMeta::default()
    }
}

/// The job as the controller of an object. As the original operator has it, a job that is deleted in the foreground waits for it.
fn owner(job: &IflearnerJob) -> Option<OwnerReference> {
    let owner = job.controller_owner_ref(&())?;
    Some(OwnerReference {
        block_owner_deletion: Some(true),
        ..owner
    })
}

/// Puts the digest of the object into its annotation [`APPLIED`].
pub(super) fn sealed<K: Resource + Serialize>(mut object: K) -> K {
    let digest = digest(&object);
    object.annotations_mut().insert(APPLIED.to_owned(), digest);
    object
}

/// The SHA-256 of the value's JSON, in hex.
pub(super) fn digest(value: &impl Serialize) -> String {
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
