use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{LaunchError, launch::is_label};

/// How jobs run in a party's Kubernetes cluster.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct KubernetesConfig {
    /// Whether jobs run in Kubernetes; else they are local processes.
    pub enabled: bool,
    /// The namespace of the jobs; the agent's own, or the kubeconfig's, if empty.
    pub namespace: String,
    /// The kubeconfig file; the usual places, then the pod's own service account, if empty.
    pub kubeconfig: PathBuf,
    /// The end of all host names: `<assignment>.server.<domain>` and `<assignment>.<party>.party.<domain>`, or with the task's id in the
    /// assignment's place.
    pub domain: String,
    /// Whether jobs of tasks that were made over `/api/v1` have the names and hosts that Iflearner Flow gave them, by the task's id.
    pub task_names: bool,
    /// The port under which the ingress is reached from outside.
    pub ingress_port: u16,
    /// The authority of the ingress certificates: with it the agent checks that a route answers, and by whom. Any certificate will do if empty.
    pub ca_file: PathBuf,
    /// The ingress class; the operator's default if empty.
    pub ingress_class: String,
    /// The image of templates that name none.
    pub image: String,
    /// `Always`, `IfNotPresent` or `Never`; the cluster's default if empty.
    pub image_pull_policy: String,
    /// Secrets with which images are pulled.
    pub image_pull_secrets: Vec<String>,
    /// The user that jobs run as.
    pub run_as_user: i64,
    /// The service account of jobs; none is mounted.
    pub service_account: String,
    /// The scheduler; the cluster's default if empty.
    pub scheduler: String,
    /// The priority class; the cluster's default if empty.
    pub priority_class: String,
    /// Labels that a node must have.
    pub node_selector: BTreeMap<String, String>,
    /// The name of the resource that graphics processors are counted by.
    pub gpu_resource: String,
    /// Folders of the nodes below which data sets may lie.
    pub host_path_roots: Vec<PathBuf>,
    /// Who may connect to jobs.
    pub network_policy: NetworkPolicyConfig,
    /// How many ended jobs keep their pod and its log.
    pub keep: usize,
}

/// Who may connect to jobs. Nobody else in the cluster may.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkPolicyConfig {
    /// Whether jobs get a NetworkPolicy.
    pub enabled: bool,
    /// The namespaces of the ingress controller, which may connect to the routed port.
    pub ingress_namespaces: Vec<String>,
    /// Address ranges of an ingress controller on the nodes' own network, which may connect to the routed port.
    pub ingress_cidrs: Vec<String>,
    /// Address ranges of the API servers, through which the agent asks for progress; anybody may connect to that port if empty.
    pub control_plane_cidrs: Vec<String>,
}

impl Default for KubernetesConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            namespace: String::new(),
            kubeconfig: PathBuf::new(),
            domain: "iflearner.com".to_owned(),
            task_names: true,
            ingress_port: 443,
            ca_file: PathBuf::new(),
            ingress_class: String::new(),
            image: String::new(),
            image_pull_policy: String::new(),
            image_pull_secrets: Vec::new(),
            run_as_user: 65_532,
            service_account: String::new(),
            scheduler: String::new(),
            priority_class: String::new(),
            node_selector: BTreeMap::new(),
            gpu_resource: "nvidia.com/gpu".to_owned(),
            host_path_roots: Vec::new(),
            network_policy: NetworkPolicyConfig::default(),
            keep: 20,
        }
    }
}

impl Default for NetworkPolicyConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            ingress_namespaces: vec!["ingress-nginx".to_owned()],
            ingress_cidrs: Vec::new(),
            control_plane_cidrs: Vec::new(),
        }
    }
}

impl KubernetesConfig {
    /// Checks what can be checked without a cluster.
    pub(crate) fn validate(&self) -> Result<(), LaunchError> {
        let invalid = |what: String| Err(LaunchError::InvalidConfig { what });
        let label = |text: &str| is_label(text, 63);
        // `<36 characters>.<63 characters>.party.` come before it.
        if self.domain.len() > 140 || !self.domain.split('.').all(label) {
            return invalid(format!(
                "kubernetes.domain '{}' is no DNS name of at most 140 characters",
                self.domain
            ));
        }
        if !self.namespace.is_empty() && !label(&self.namespace) {
            return invalid(format!("kubernetes.namespace '{}' is no namespace", self.namespace));
        }
        let policies = ["", "Always", "IfNotPresent", "Never"];
        if !policies.contains(&self.image_pull_policy.as_str()) {
            let given = &self.image_pull_policy;
            return invalid(format!(
                "kubernetes.image_pull_policy '{given}' is none of Always, IfNotPresent, Never"
            ));
        }
        if self.run_as_user <= 0 {
            return invalid("kubernetes.run_as_user must not be root: give a number above 0".to_owned());
        }
        if let Some(root) = self.host_path_roots.iter().find(|root| !root.is_absolute()) {
            return invalid(format!(
                "kubernetes.host_path_roots: {} is not absolute",
                root.display()
            ));
        }
        Ok(())
    }
}
