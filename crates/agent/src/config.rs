//! What a party decides about its agent.

use std::{collections::BTreeMap, path::PathBuf};

use flow_domain::{Resources, labels::Labels, queue::Capacity};
use flow_launcher::kubernetes::KubernetesConfig;
use serde::{Deserialize, Serialize};

/// The settings of an agent, apart from how it reaches the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct AgentConfig {
    /// Data sets by name. The server only ever sees the names.
    pub datasets: BTreeMap<String, Dataset>,
    /// What a job may take of its node where the template does not say.
    pub resources: Resources,
    /// What the party offers to all runs together; runs for which there is no room wait in the server's queue.
    pub capacity: Capacity,
    /// The site whose machines it shares with other parties; none if empty.
    pub site: String,
    /// What the party says of itself, for tasks to choose parties by.
    pub labels: Labels,
    /// What the party allows.
    pub policy: PolicyConfig,
    /// How jobs run as local processes.
    pub process: ProcessSettings,
    /// How jobs run in Kubernetes, where they do.
    pub kubernetes: KubernetesConfig,
}

/// Where a data set is. Jobs can only read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Dataset {
    /// A folder or file: of the machine, or in Kubernetes of the node.
    Path(PathBuf),
    /// A PersistentVolumeClaim in the namespace of the jobs.
    Claim {
        /// Its name.
        claim: String,
        /// The folder in it; all of it if empty.
        #[serde(default)]
        sub_path: String,
    },
    /// An NFS export.
    Nfs {
        /// The server.
        nfs: String,
        /// The export.
        path: String,
    },
}

/// What the party allows. What is not allowed is refused at prepare, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyConfig {
    /// The frameworks it takes part with; any if it contains `*`.
    pub frameworks: Vec<String>,
    /// The container images that it runs: names, or beginnings that end in `*`.
    pub images: Vec<String>,
    /// The most assignments at a time. Further ones wait, up to the run's prepare deadline.
    pub max_assignments: usize,
    /// Whether it hosts aggregation roles for others.
    pub aggregation: bool,
}

impl Default for PolicyConfig {
    fn default() -> Self {
        Self {
            frameworks: vec!["*".to_owned()],
            images: vec!["*".to_owned()],
            max_assignments: 32,
            aggregation: true,
        }
    }
}

/// How jobs run as local processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProcessSettings {
    /// Programs that jobs may name, and where they are. Nothing else is started.
    pub programs: BTreeMap<String, PathBuf>,
    /// Folders below which tasks may name data by its path, as clients of Iflearner Flow do; none if empty.
    pub data_roots: Vec<PathBuf>,
    /// Application folders by the workdir that templates name.
    pub workdirs: BTreeMap<String, PathBuf>,
    /// Environment of every job, under what the profile gives.
    pub env: BTreeMap<String, String>,
    /// The certificates that members which are reached over TLS are checked with.
    pub ca_files: CaFiles,
    /// The address under which other parties reach this machine's jobs.
    pub host: String,
    /// The first port for jobs.
    pub first_port: u16,
    /// The last port for jobs; below 32768, where outgoing connections begin.
    pub last_port: u16,
    /// Where all agents of this machine and user note the ports they gave out; a folder in the temporary folder if empty.
    pub port_registry: Option<PathBuf>,
    /// Whether a job gets a cgroup of its own, where that is possible.
    pub cgroup: bool,
    /// How many ended assignments keep their files and logs.
    pub keep: usize,
}

/// Certificates to check others with: those of an ingress, as the programs themselves speak none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CaFiles {
    /// For aggregation servers.
    pub aggregator: PathBuf,
    /// For other parties.
    pub parties: PathBuf,
}

impl Default for ProcessSettings {
    fn default() -> Self {
        Self {
            programs: BTreeMap::new(),
            data_roots: Vec::new(),
            workdirs: BTreeMap::new(),
            env: BTreeMap::from([("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())]),
            ca_files: CaFiles::default(),
            host: "127.0.0.1".to_owned(),
            first_port: 20_000,
            last_port: 32_000,
            port_registry: None,
            cgroup: true,
            keep: 100,
        }
    }
}
