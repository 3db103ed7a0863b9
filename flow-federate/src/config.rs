//! The agent's settings.

use std::{net::SocketAddr, path::PathBuf};

use flow_agent::{AgentConfig, JournalConfig};
use flow_daemon::{health::HealthConfig, telemetry::LogConfig, tls::TlsFiles};
use serde::{Deserialize, Serialize};

/// Everything that can be set. Environment variables begin with `FLOW_FEDERATE__`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The party's name. The certificate says the same, or the server refuses it.
    pub party: String,
    /// Where the agent keeps its files.
    pub data_dir: PathBuf,
    /// The server.
    pub server: ServerConfig,
    /// The party's certificate and key, and the authority of the server.
    pub tls: TlsFiles,
    /// The program that supervises jobs; this one if empty.
    pub supervisor: Option<PathBuf>,
    /// The party's own REST.
    pub rest: RestConfig,
    /// `/livez`, `/readyz` and `/metrics`.
    pub health: HealthConfig,
    /// Data sets, policy, and how jobs run.
    pub agent: AgentConfig,
    /// What was asked of the party, and what became of it.
    pub journal: JournalConfig,
    /// Logging.
    pub log: LogConfig,
}

/// The party's own REST.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestConfig {
    /// Whether it is served.
    pub enabled: bool,
    /// Where it listens.
    pub listen: SocketAddr,
    /// It has no log-in, and shows logs and paths: beyond loopback it listens only if this says so.
    pub allow_remote: bool,
    /// Further host names that it answers to while it listens on loopback.
    pub hosts: Vec<String>,
    /// The most connections.
    pub max_connections: usize,
}

impl Default for RestConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: SocketAddr::from(([127, 0, 0, 1], 1236)),
            allow_remote: false,
            hosts: Vec::new(),
            max_connections: 64,
        }
    }
}

/// The server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// Its address, as `host:port`.
    pub address: String,
    /// Where further servers on the same database are, tried in turn where this one does not answer.
    #[serde(default)]
    pub others: Vec<String>,
    /// The name in its certificate, where that is not the host.
    pub name: Option<String>,
    /// The trust domain of certificates.
    pub trust_domain: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            party: String::new(),
            data_dir: PathBuf::from("/var/lib/flow-federate"),
            server: ServerConfig {
                address: "localhost:1237".to_owned(),
                others: Vec::new(),
                name: None,
                trust_domain: flow_pki::DEFAULT_TRUST_DOMAIN.to_owned(),
            },
            tls: TlsFiles {
                cert: PathBuf::from("/etc/flow-federate/party.crt"),
                key: PathBuf::from("/etc/flow-federate/party.key"),
                ca: PathBuf::from("/etc/flow-federate/ca.crt"),
            },
            supervisor: None,
            rest: RestConfig::default(),
            health: HealthConfig {
                enabled: true,
                listen: SocketAddr::from(([127, 0, 0, 1], 1240)),
            },
            agent: AgentConfig::default(),
            journal: JournalConfig::default(),
            log: LogConfig::default(),
        }
    }
}
