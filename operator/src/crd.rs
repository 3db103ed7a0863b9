//! The definition of `IflearnerJob`, as `deploy/crd/iflearnerjobs.yaml` has it.

use flow_operator_api::IflearnerJob;
use kube::CustomResourceExt;

/// The CustomResourceDefinition as YAML.
#[must_use]
pub fn crd_yaml() -> String {
    let body = serde_saphyr::to_string(&IflearnerJob::crd()).unwrap_or_default();
    format!("# Generated from operator/api by `flow-operator crd`. Do not edit.\n{body}")
}
