//! What a job is.

use k8s_openapi::{
    api::core::v1::{ContainerStatus, HostIP, PodIP},
    apimachinery::pkg::apis::meta::v1::Time,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is known of a job: the status of its newest pod, as the original operator has it, and what became of the job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IflearnerJobStatus {
    /// The pod's phase: Pending, Running, Succeeded, Failed or Unknown. Succeeded and Failed are final for the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Why: one word, of those that `docs/operations.md` lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The pod's conditions, and the job's own: Accepted, Applied, Suspended, Retrying, Complete, Failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The newest pod's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_name: Option<String>,
    /// How many pods were made so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<i32>,
    /// The generation of the spec that this is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When the job's first pod was accepted by a node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When the job ended for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
    /// The node's address.
    #[serde(default, rename = "hostIP", skip_serializing_if = "Option::is_none")]
    pub host_ip: Option<String>,
    /// The node's addresses.
    #[serde(default, rename = "hostIPs", skip_serializing_if = "Option::is_none")]
    pub host_ips: Option<Vec<HostIP>>,
    /// The pod's address.
    #[serde(default, rename = "podIP", skip_serializing_if = "Option::is_none")]
    pub pod_ip: Option<String>,
    /// The pod's addresses.
    #[serde(default, rename = "podIPs", skip_serializing_if = "Option::is_none")]
    pub pod_ips: Option<Vec<PodIP>>,
    /// The pod's quality of service class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos_class: Option<String>,
    /// The states of the pod's init containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_container_statuses: Option<Vec<ContainerStatus>>,
    /// The states of the pod's containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_statuses: Option<Vec<ContainerStatus>>,
}

/// One aspect of a job's or its pod's state: a union of Kubernetes' `PodCondition` and `metav1.Condition`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Which aspect.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Why: one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When the status last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
    /// When a pod's condition was last looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_probe_time: Option<Time>,
    /// The generation of the spec that this is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// The aspects that are the job's own, beside those of its pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConditionType {
    /// The spec can be carried out.
    Accepted,
    /// Every object is there as it should be.
    Applied,
    /// There is no pod because the spec says so.
    Suspended,
    /// A pod has failed, and the next one has not been made yet. The time of its transition is when the pod was found failed.
    Retrying,
    /// The job has succeeded.
    Complete,
    /// The job has failed for good.
    Failed,
}

impl ConditionType {
    /// Every one of them.
    pub const ALL: [Self; 6] = [
        Self::Accepted,
        Self::Applied,
        Self::Suspended,
        Self::Retrying,
        Self::Complete,
        Self::Failed,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::Applied => "Applied",
            Self::Suspended => "Suspended",
            Self::Retrying => "Retrying",
            Self::Complete => "Complete",
            Self::Failed => "Failed",
        }
    }
}

impl IflearnerJobStatus {
    /// Whether the job has ended for good.
    pub fn is_final(&self) -> bool {
        self.completion_time.is_some()
    }

    /// The condition of this type.
    pub fn condition(&self, which: ConditionType) -> Option<&Condition> {
        self.conditions
            .iter()
            .find(|condition| condition.type_ == which.as_str())
    }
}
