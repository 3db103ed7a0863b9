//! Brings an object of ours back to what it should be.

use std::fmt::Debug;

use flow_operator_api::{IflearnerJob, JobReason, OPERATOR};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Applier, covers, patch_by_us};
use crate::{api_error::Problem, caches::is_owned};

impl Applier {
    /// Applies `wanted` over what is there, if that belongs to the job by the API server's own word: a cache may be late.
    pub(super) async fn heal<K>(&self, api: &Api<K>, wanted: &K, job: &IflearnerJob, title: &str) -> Result<(), Problem>
    where
        K: Resource + Serialize + DeserializeOwned + Clone + Debug,
    {
        let failed = |error: kube::Error| Problem::of(&error, title);
        let name = wanted.name_any();
        let kind = title.split(' ').next().unwrap_or_default();
        let Some(live) = api.get_opt(&name).await.map_err(failed)? else {
            return Err(Problem {
                reason: JobReason::ApplyFailed,
                message: format!("{title} was there, and is gone: it is made anew"),
            });
        };
        if !is_owned(&live, job) {
            return Err(Problem::conflict(title));
        }
        // Gone for all but its finalizers: the new one is made when it is away.
        if live.meta().deletion_timestamp.is_some() {
            return Ok(());
        }
        tracing::info!(
            object = title,
            namespace = live.namespace(),
            "an object is not as it should be, and is healed"
        );
        if let Some(fields) = as_applied(live.managed_fields()) {
            let patch = json!({ "metadata": { "resourceVersion": live.resource_version(), "managedFields": fields } });
            self.metrics.write("patch", kind);
            api.patch(&name, &patch_by_us(), &Patch::Merge(patch))
                .await
                .map_err(failed)?;
        }
        let mut applied = wanted.clone();
        // If the object is deleted and another made in this moment, the API server refuses.
        applied.meta_mut().uid = live.uid();
        self.metrics.write("apply", kind);
        let parameters = PatchParams::apply(OPERATOR).force();
        let now = api
            .patch(&name, &parameters, &Patch::Apply(&applied))
            .await
            .map_err(failed)?;
        if covers::covers(&now, wanted) {
            return Ok(());
        }
        // Entries that somebody added to a list of ours are theirs, and stay when we apply: the list is set as a whole.
        let spec = serde_json::to_value(wanted)
            .ok()
            .and_then(|mut wanted| wanted.get_mut("spec").map(Value::take));
        let patch = json!({ "metadata": { "uid": live.uid() }, "spec": spec });
        self.metrics.write("patch", kind);
        let now = api
            .patch(&name, &patch_by_us(), &Patch::Merge(patch))
            .await
            .map_err(failed)?;
        match covers::covers(&now, wanted) {
            true => Ok(()),
            false => Err(Problem {
                reason: JobReason::ApplyFailed,
                message: format!(
                    "{title} does not become as it should be: an admission rule or another controller changes it"
                ),
            }),
        }
    }
}

/// The managers of an object's fields, with what we made by a plain create (which is cheaper, and never touches an object that is
/// there) counted as applied. Or else a field that is not wanted any more would stay, as the creator still owns it.
fn as_applied(fields: &[ManagedFieldsEntry]) -> Option<Vec<ManagedFieldsEntry>> {
    let created = |entry: &ManagedFieldsEntry| {
        entry.manager.as_deref() == Some(OPERATOR)
            && entry.operation.as_deref() == Some("Update")
            && entry.subresource.as_ref().is_none_or(String::is_empty)
    };
    let applied = |entry: &ManagedFieldsEntry| {
        entry.manager.as_deref() == Some(OPERATOR) && entry.operation.as_deref() == Some("Apply")
    };
    if !fields.iter().any(created) {
        return None;
    }
    let already = fields.iter().any(applied);
    let kept = fields.iter().filter(|entry| !(already && created(entry)));
    let fields = kept.cloned().map(|mut entry| {
        if created(&entry) {
            entry.operation = Some("Apply".to_owned());
        }
        entry
    });
    Some(fields.collect())
}
