//! What a party decides about its agent.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

/// The settings of an agent, apart from how it reaches the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct AgentConfig {
    /// Data sets by name. The server only ever sees the names.
    pub datasets: BTreeMap<String, PathBuf>,
    /// What the party allows.
    pub policy: PolicyConfig,
    /// How jobs run as local processes.
    pub process: ProcessSettings,
}

/// What the party allows. What is not allowed is refused at prepare, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyConfig {
    /// The frameworks it takes part with; any if it contains `*`.
    pub frameworks: Vec<String>,
    /// The most assignments at a time. Further ones wait, up to the run's prepare deadline.
    pub max_assignments: usize,
    /// Whether it hosts aggregation roles for others.
    pub aggregation: bool,
}

impl Default for PolicyConfig {
    fn default() -> Self {
        Self {
            frameworks: vec!["*".to_owned()],
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
    /// Application folders by the workdir that templates name.
    pub workdirs: BTreeMap<String, PathBuf>,
    /// Environment of every job, under what the profile gives.
    pub env: BTreeMap<String, String>,
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

impl Default for ProcessSettings {
    fn default() -> Self {
        Self {
            programs: BTreeMap::new(),
            workdirs: BTreeMap::new(),
            env: BTreeMap::from([("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())]),
            host: "127.0.0.1".to_owned(),
            first_port: 20_000,
            last_port: 32_000,
            port_registry: None,
            cgroup: true,
            keep: 100,
        }
    }
}
