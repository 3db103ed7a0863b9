//! What a job is to be.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodTemplateSpec;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::status::IflearnerJobStatus;

/// One process of a federated-learning job: the aggregation server, or one party's program.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "git.iflytek.com",
    version = "v1",
    kind = "IflearnerJob",
    plural = "iflearnerjobs",
    singular = "iflearnerjob",
    shortname = "ifj",
    namespaced,
    status = "IflearnerJobStatus",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct IflearnerJobSpec {
    /// What the process is in its job. Cannot be changed.
    pub role: Role,
    /// The DNS name under which others reach it, through the ingress.
    pub host: String,
    /// The scheduler of the pod, unless the template names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedulername: Option<String>,
    /// The pod. Cannot be changed once it was started.
    pub template: PodTemplateSpec,
    /// The ports of the Service; by default `grpc` 80 to 50001, and for a server also `http` 82 to 50002.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<Vec<Port>>,
    /// How it is reached from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Ingress>,
    /// How often a failed pod is replaced by a new one. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff_limit: Option<i32>,
    /// How long the job may take from its start, over all its pods, in seconds. Unlimited by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_deadline_seconds: Option<i64>,
    /// How long after its end the job is deleted, in seconds. Never by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds_after_finished: Option<i64>,
    /// The priority class of the pod, unless the template names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
    /// Its name.
    pub name: String,
    /// The Service's port.
    pub port: i32,
    /// The process's port.
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
    pub class_name: Option<String>,
    /// Annotations, over those of the operator's preset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
    /// The Secret with the host's certificate and key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_secret_name: Option<String>,
    /// The name of the port that is reached; the first one by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
}

/// A certificate file: one key of a ConfigMap or a Secret. Exactly one of the two is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// The ConfigMap's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<String>,
    /// The Secret's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The key in it.
    pub key: String,
    /// The file's path in the container.
    pub mount_path: String,
}
