//! The way to the cluster.

use std::time::Duration;

use kube::{
    Client,
    config::{InferConfigError, KubeConfigOptions},
};

/// Where the cluster is: as `KUBECONFIG` says, else the one that the operator runs in, else as the user's own file says.
pub(crate) async fn infer() -> Result<kube::Config, InferConfigError> {
    let named = std::env::var_os("KUBECONFIG").is_some();
    if !named && let Ok(inside) = kube::Config::incluster() {
        return Ok(inside);
    }
    if named {
        let options = KubeConfigOptions::default();
        if let Ok(config) = kube::Config::from_kubeconfig(&options).await {
            return Ok(config);
        }
    }
    kube::Config::infer().await
}

/// A client whose requests take no longer than `timeout`, if there is one.
pub(crate) fn client(mut cluster: kube::Config, timeout: Option<Duration>) -> kube::Result<Client> {
    cluster.read_timeout = timeout;
    cluster.reset_reader_on_write = timeout.is_some();
    Client::try_from(cluster)
}
