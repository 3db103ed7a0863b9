//! Calls to the API server: how they are made, and what its refusals mean.

use std::{fmt::Debug, time::Duration};

use flow_operator_api::IflearnerJob;
use k8s_openapi::api::{
    core::v1::{ConfigMap, Pod},
    networking::v1::NetworkPolicy,
};
use kube::{
    Api, Client, Config,
    api::{Patch, PatchParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{KubernetesConfig, names::MANAGER};
use crate::LaunchError;

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// What the launcher works with, in one namespace.
#[derive(Clone)]
pub(super) struct Apis {
    pub(super) client: Client,
    pub(super) namespace: String,
    pub(super) jobs: Api<IflearnerJob>,
    pub(super) pods: Api<Pod>,
    pub(super) files: Api<ConfigMap>,
    pub(super) policies: Api<NetworkPolicy>,
}

impl Apis {
    /// Reads how the cluster is reached. Nothing is connected yet.
    pub(super) async fn open(config: &KubernetesConfig) -> Result<Self, LaunchError> {
        let invalid = |what: String| LaunchError::InvalidConfig { what };
        let mut cluster = if config.kubeconfig.as_os_str().is_empty() {
            Config::infer().await.map_err(|error| {
                invalid(format!(
                    "no cluster: neither a kubeconfig nor a service account ({error})"
                ))
            })?
        } else {
            let path = config.kubeconfig.display();
            let file = Kubeconfig::read_from(&config.kubeconfig)
                .map_err(|error| invalid(format!("kubernetes.kubeconfig {path} cannot be read: {error}")))?;
            Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
                .await
                .map_err(|error| invalid(format!("kubernetes.kubeconfig {path} says no cluster: {error}")))?
        };
        cluster.connect_timeout = Some(Duration::from_secs(5));
        let namespace = if config.namespace.is_empty() {
            cluster.default_namespace.clone()
        } else {
            config.namespace.clone()
        };
        let client =
            Client::try_from(cluster).map_err(|error| invalid(format!("no client for the cluster: {error}")))?;
        Ok(Self {
            jobs: Api::namespaced(client.clone(), &namespace),
            pods: Api::namespaced(client.clone(), &namespace),
            files: Api::namespaced(client.clone(), &namespace),
            policies: Api::namespaced(client.clone(), &namespace),
            client,
            namespace,
        })
    }
}

/// Makes an object so, by server-side apply.
pub(super) async fn apply<K>(api: &Api<K>, name: &str, object: &K) -> Result<K, LaunchError>
where
    K: Clone + Debug + DeserializeOwned + Serialize,
{
    let how = PatchParams::apply(MANAGER).force();
    within(format!("apply {name}"), api.patch(name, &how, &Patch::Apply(object))).await
}

/// Changes some fields of an object.
pub(super) async fn merge<K>(api: &Api<K>, name: &str, change: serde_json::Value) -> Result<K, LaunchError>
where
    K: Clone + Debug + DeserializeOwned,
{
    let how = PatchParams::default();
    within(format!("change {name}"), api.patch(name, &how, &Patch::Merge(change))).await
}

/// Waits for a call, but not for ever.
pub(super) async fn within<T>(action: String, call: impl Future<Output = kube::Result<T>>) -> Result<T, LaunchError> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(answer) => answer.map_err(|error| refusal(action, error)),
        Err(elapsed) => Err(LaunchError::KubernetesUnavailable {
            action,
            source: elapsed.into(),
        }),
    }
}

/// What an error of a call means.
pub(super) fn refusal(action: String, error: kube::Error) -> LaunchError {
    match error {
        kube::Error::Api(status) if status.code < 500 => LaunchError::KubernetesRefused {
            action,
            code: status.code,
            message: status.message,
        },
        other => LaunchError::KubernetesUnavailable {
            action,
            source: other.into(),
        },
    }
}
