//! What a cluster is, on disk: for who attaches to it later, and for who cleans up after it.

use std::{
    fs,
    io::{self, Write},
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{ClusterError, Level, Process, ProcessId};

/// Its name in the run directory.
pub(crate) const FILE: &str = "state.json";

/// A cluster, as `state.json` in its run directory says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// How much of it there is.
    pub level: Level,
    /// Whether it is all up; otherwise it is being brought up, or that failed half-way.
    pub ready: bool,
    /// The administrator's kubeconfig.
    pub kubeconfig: PathBuf,
    /// The API server's URL.
    pub api_server: String,
    /// The programs that belong to it: kubectl, and ctr where there is a node. None for a cluster that is not ours.
    pub bin_dir: Option<PathBuf>,
    /// The node, where there is one.
    pub node: Option<NodeState>,
    /// The process whose end is the cluster's end; none for one that is to stay.
    pub owner: Option<ProcessId>,
    /// All that was started, in this order.
    pub processes: Vec<Process>,
}

/// What there is of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeState {
    /// Its address, the same on every machine: API server, ingress and DNS listen there.
    pub address: Ipv4Addr,
    /// The machine's address as pods see it.
    pub host_address: Ipv4Addr,
    /// The ingress with TLS.
    pub https_port: u16,
    /// The ingress without.
    pub http_port: u16,
    /// `*.server.<domain>` and `*.<party>.party.<domain>` resolve to the address.
    pub domain: String,
    /// containerd's socket, for `ctr --address`.
    pub containerd_socket: PathBuf,
}

impl State {
    /// That of the cluster in `dir`; none if there is no cluster.
    pub(crate) fn load(dir: &Path) -> Result<Option<Self>, ClusterError> {
        let path = dir.join(FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(ClusterError::File {
                    action: "read",
                    path,
                    source,
                });
            }
        };
        let parsed = serde_json::from_slice(&text);
        parsed.map(Some).map_err(|source| ClusterError::State { path, source })
    }

    /// Writes it whole, so that no reader sees half of it.
    pub(crate) fn save(&self, dir: &Path) -> Result<(), ClusterError> {
        let path = dir.join(FILE);
        let write = || -> io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(dir)?;
            serde_json::to_writer_pretty(&mut file, self)?;
            file.write_all(b"\n")?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(ClusterError::file("write", &path))
    }

    /// Whether everything that was started runs.
    pub(crate) fn is_running(&self) -> bool {
        self.ready && self.processes.iter().all(|process| process.id.is_alive())
    }

    /// Whether it is somebody's: its owner's, as long as that lives; or everybody's, as long as it runs.
    pub(crate) fn is_taken(&self) -> bool {
        self.owner.map_or_else(|| self.is_running(), ProcessId::is_alive)
    }

    /// Whether nobody will ever take it down: its owner died without doing so.
    pub(crate) fn is_orphaned(&self) -> bool {
        self.owner.is_some_and(|owner| !owner.is_alive())
    }
}
