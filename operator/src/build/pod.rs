//! The pod of an attempt.

use flow_operator_api::{ATTEMPT, IflearnerJob, TEMPLATE};
use k8s_openapi::api::core::v1::{Pod, PodSpec};
use kube::ResourceExt;

use super::{certificates, meta, security};
use crate::config::{Config, Security};

/// The digest of the job's template, by which a change of it is seen.
pub(crate) fn template_digest(job: &IflearnerJob) -> String {
    meta::digest(&job.spec.template)
}

/// The pod of an attempt, from 0.
pub(crate) fn pod(job: &IflearnerJob, attempt: u32, config: &Config) -> Pod {
    let template = &job.spec.template;
    let said = template.metadata.clone().unwrap_or_default();
    let mut annotations = said.annotations.unwrap_or_default();
    annotations.insert(TEMPLATE.to_owned(), template_digest(job));
    let mut metadata = meta::owned(job, meta::pod_name(&job.name_any(), attempt), annotations);
    // The operator's own labels win: the Service finds the pod by one of them, and the operator by another.
    let mut labels = said.labels.unwrap_or_default();
    labels.extend(metadata.labels.take().unwrap_or_default());
    labels.insert(ATTEMPT.to_owned(), attempt.to_string());
    metadata.labels = Some(labels);
    Pod {
        metadata,
        spec: Some(spec(job, config)),
        status: None,
    }
}

fn spec(job: &IflearnerJob, config: &Config) -> PodSpec {
    let given = &job.spec;
    let mut spec = given.template.spec.clone().unwrap_or_default();
    fill(&mut spec.scheduler_name, given.schedulername.as_deref());
    fill(&mut spec.priority_class_name, given.priority_class_name.as_deref());
    if config.security == Security::Restricted {
        security::restrict(&mut spec, config.run_as_user);
    }
    certificates::mount(&mut spec, &given.certificates());
    spec
}

fn fill(field: &mut Option<String>, value: Option<&str>) {
    let value = value.filter(|value| !value.is_empty());
    if field.as_ref().is_none_or(String::is_empty) {
        *field = value.map(ToOwned::to_owned);
    }
}
