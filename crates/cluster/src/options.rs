//! What a caller may choose.

use std::{
    env,
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use serde::{Deserialize, Serialize};

/// How much of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// etcd, the API server, the controller manager and the scheduler. Nothing runs pods. Needs no root, and any
    /// number of them run beside each other.
    Api,
    /// That, and this machine as a node: containerd, kubelet, kube-proxy, CoreDNS, Contour and Envoy. Needs root; one
    /// a machine.
    Node,
}

impl std::fmt::Display for Level {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Api => "api",
            Self::Node => "node",
        })
    }
}

/// The domain whose names resolve to the node, unless another is asked for.
pub const DEFAULT_DOMAIN: &str = "iflearner.com";

/// How a cluster is brought up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its run directory: made by [`Cluster::up`](crate::Cluster::up), removed when it is taken down.
    pub dir: PathBuf,
    /// How much of it.
    pub level: Level,
    /// `*.server.<domain>` and `*.<party>.party.<domain>` resolve to the node's address.
    pub domain: String,
    /// Use the cluster that `KUBECONFIG` names instead, where that is set. It is never taken down.
    pub prefer_existing: bool,
    /// Once this is set, bringing up ends with [`ClusterError::Cancelled`](crate::ClusterError::Cancelled), and
    /// nothing is left.
    pub cancelled: Arc<AtomicBool>,
    /// Takes one line of progress at a time.
    pub say: fn(&str),
}

impl Options {
    /// A cluster of that level in that directory, with progress on standard error.
    pub fn new(dir: impl Into<PathBuf>, level: Level) -> Self {
        Self {
            dir: dir.into(),
            level,
            domain: DEFAULT_DOMAIN.to_owned(),
            prefer_existing: false,
            cancelled: Arc::default(),
            say: |line| eprintln!("cluster: {line}"),
        }
    }

    /// Where a person's cluster is: `$XDG_CACHE_HOME/iflearner-flow/cluster`. None without a home.
    #[must_use]
    pub fn default_dir() -> Option<PathBuf> {
        Some(cache()?.join("cluster"))
    }
}

/// The project's folder in the user's cache. None without a home.
pub(crate) fn cache() -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    Some(base.join("iflearner-flow"))
}
