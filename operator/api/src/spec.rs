//! What a job is to be.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodTemplateSpec;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{rules, schema, status::IflearnerJobStatus};

/// One process of a federated-learning job: the aggregation server, or one party's program.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "git.iflytek.com",
    version = "v1",
    kind = "IflearnerJob",
    plural = "iflearnerjobs",
    singular = "iflearnerjob",
    shortname = "ifj",
    namespaced,
    status = "IflearnerJobStatus",
    derive = "PartialEq",
    doc = "One process of a federated-learning job: the aggregation server, or one party's program",
    validation = rules::name(),
    validation = rules::template(),
    printcolumn(name = "Role", type_ = "string", json_path = ".spec.role"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.reason"),
    printcolumn(name = "Host", type_ = "string", json_path = ".spec.host"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct IflearnerJobSpec {
    /// What the process is in its job. Cannot be changed.
    #[x_kube(validation = rules::role())]
    pub role: Role,
    /// The DNS name under which others reach it, through the ingress. Without one it is not reached from outside.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 253))]
    #[x_kube(validation = rules::host())]
    pub host: String,
    /// The scheduler of the pod, unless the template names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub schedulername: Option<String>,
    /// The pod. Cannot be changed once it was started.
    #[schemars(schema_with = "schema::template")]
    pub template: PodTemplateSpec,
    /// The ports of the Service; by default `grpc` 80 to 50001, and for a server also `http` 82 to 50002.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(validation = rules::ports())]
    pub ports: Option<Vec<Port>>,
    /// How it is reached from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Ingress>,
    /// How often a failed pod is replaced by a new one. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub backoff_limit: Option<i32>,
    /// How long the job may take over all its pods, in seconds. It counts from `status.startTime`, and while there is none, from
    /// the time that the pod was made or should have been made. Unlimited by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub active_deadline_seconds: Option<i64>,
    /// How long after its end the job is deleted, in seconds. Never by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 315_360_000))]
    pub ttl_seconds_after_finished: Option<i64>,
    /// The priority class of the pod, unless the template names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub priority_class_name: Option<String>,
    /// While true there is no pod: one that runs is deleted, and made anew when this becomes false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// Once true, the job ends for good: TERM, the template's grace period, KILL. Unlike with `suspend`, the pod and its log stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<bool>,
    /// Certificates that are mounted into every container, read-only; by default none for a server, and for a client
    /// `/etc/server-iflearner-secret.crt` and `/etc/party-iflearner-secret.crt` from the ConfigMaps `server-iflearner-crt` and
    /// `party-iflearner-crt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub certificates: Option<Vec<Certificate>>,
}

/// What a process is in its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The aggregation server.
    Server,
    /// A party's program.
    Client,
}

/// A port of the Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Port {
    /// Its name: lower-case letters, digits and `-`.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// The Service's port.
    #[schemars(range(min = 1, max = 65_535))]
    pub port: i32,
    /// The process's port.
    #[schemars(range(min = 1, max = 65_535))]
    pub target_port: i32,
    /// What is spoken on it: `kubernetes.io/h2c` for gRPC, so that ingress controllers use HTTP/2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_protocol: Option<String>,
}

/// How a job is reached from outside. What is not said is the operator's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ingress {
    /// Whether it is reached from outside at all. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The ingress class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub class_name: Option<String>,
    /// Annotations, over those of the operator's preset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
    /// The Secret with the host's certificate and key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub tls_secret_name: Option<String>,
    /// The name of the port that is reached; the first one by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub port: Option<String>,
}

/// A certificate file: one key of a ConfigMap or a Secret. Exactly one of the two is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::certificate())]
pub struct Certificate {
    /// The ConfigMap's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub config_map: Option<String>,
    /// The Secret's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub secret: Option<String>,
    /// The key in it.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
    /// The file's path in the container.
    #[schemars(length(min = 2, max = 1024), regex(pattern = r"^/"))]
    pub mount_path: String,
}
