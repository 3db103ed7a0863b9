//! The schema of the pod template.

use schemars::{Schema, SchemaGenerator, json_schema};

/// A pod template that the API server keeps as it is.
///
/// The whole schema of a pod would make the definition 600 kB, which `kubectl apply` cannot take (it keeps a copy in an
/// annotation of at most 256 KiB); and what it does not know, such as a pod's fields of a later Kubernetes, it would drop
/// without a word, or refuse in manifests that were fine before. What is wrong in a template is said by the API server when the
/// pod is made, and the job's status says it in the same words.
pub(crate) fn template(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "required": ["spec"],
        "properties": {
            "metadata": { "type": "object", "x-kubernetes-preserve-unknown-fields": true, "nullable": true },
            "spec": {
                "type": "object",
                "required": ["containers"],
                "properties": {
                    "containers": {
                        "type": "array",
                        "minItems": 1,
                        "items": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
                    },
                },
                "x-kubernetes-preserve-unknown-fields": true,
            },
        },
        "x-kubernetes-preserve-unknown-fields": true,
    })
}
