//! The server's settings.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use flow_agent::AgentConfig;
use flow_daemon::{config::duration, health::HealthConfig, telemetry::LogConfig, tls::TlsFiles};
use flow_domain::{Deadlines, Span, queue::Capacity};
use serde::{Deserialize, Serialize};

/// Everything that can be set. Environment variables begin with `FLOW_SERVER__`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the server keeps its files.
    pub data_dir: PathBuf,
    /// The database.
    pub database: DatabaseConfig,
    /// The REST API.
    pub rest: RestConfig,
    /// The API of Iflearner Flow, `/api/v1`, for its clients.
    pub legacy: LegacyConfig,
    /// The link to agents.
    pub link: LinkConfig,
    /// The center's own agent.
    pub center: CenterConfig,
    /// `/livez`, `/readyz` and `/metrics` for those who may not reach REST, which has them too.
    pub health: HealthConfig,
    /// The queue.
    pub scheduling: SchedulingConfig,
    /// Logging.
    pub log: LogConfig,
}

/// The database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `sqlite://…` or `mysql://…`; SQLite in the data folder if empty.
    pub url: String,
    /// The most connections.
    pub max_connections: u32,
}

/// The REST API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The API has no log-in of its own yet: beyond loopback it listens only if this says so.
    pub allow_remote: bool,
    /// Further host names that it answers to while it listens on loopback.
    pub hosts: Vec<String>,
    /// The largest body, in bytes.
    pub max_body: usize,
    /// The most connections.
    pub max_connections: usize,
}

/// The API of Iflearner Flow, for its clients: plain HTTP without a log-in, hence a listener of its own. Bodies, connections and host
/// names are limited as in REST.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegacyConfig {
    /// Where it listens; it is off if absent.
    pub listen: Option<SocketAddr>,
    /// Beyond loopback it listens only if this says so.
    pub allow_remote: bool,
}

/// The link to agents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The server's certificate and key, and the authority of agents. Without them only the center's own agent can attach.
    pub tls: Option<TlsFiles>,
    /// The trust domain of certificates.
    pub trust_domain: String,
    /// How often an agent says something at least; three times as long in silence and it is away.
    #[serde(with = "duration")]
    pub heartbeat: Duration,
    /// The most connections.
    pub max_connections: usize,
    /// Where other servers on the same database reach this one's link, as host:port; where it listens, if absent.
    pub advertise: Option<String>,
}

/// The queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchedulingConfig {
    /// After how long a run that waits for room has it kept for it, against later ones that would fit.
    #[serde(with = "duration")]
    pub patience: Duration,
    /// What the parties of a site offer together, by the site's name.
    pub sites: BTreeMap<String, Capacity>,
    /// How long each phase of a run may take where neither task nor template say so, frozen into runs as they are accepted.
    pub deadlines: Deadlines,
}

impl SchedulingConfig {
    /// [`Self::patience`], in the domain's words.
    pub(crate) fn patience(&self) -> Span {
        Span(u64::try_from(self.patience.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The center's own agent, which hosts aggregation roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CenterConfig {
    /// Whether there is one in this process.
    pub enabled: bool,
    /// The program that supervises jobs; this one if empty.
    pub supervisor: Option<PathBuf>,
    /// Its programs, folders and policy.
    pub agent: AgentConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("/var/lib/flow-server"),
            database: DatabaseConfig {
                url: String::new(),
                max_connections: 8,
            },
            rest: RestConfig {
                listen: SocketAddr::from(([127, 0, 0, 1], 1235)),
                allow_remote: false,
                hosts: Vec::new(),
                max_body: 1 << 20,
                max_connections: 1024,
            },
            legacy: LegacyConfig {
                listen: None,
                allow_remote: false,
            },
            link: LinkConfig {
                listen: SocketAddr::from(([0, 0, 0, 0], 1237)),
                tls: None,
                trust_domain: flow_pki::DEFAULT_TRUST_DOMAIN.to_owned(),
                heartbeat: Duration::from_secs(10),
                max_connections: 8192,
                advertise: None,
            },
            center: CenterConfig {
                enabled: true,
                supervisor: None,
                agent: AgentConfig::default(),
            },
            health: HealthConfig {
                enabled: false,
                listen: SocketAddr::from(([127, 0, 0, 1], 1239)),
            },
            scheduling: SchedulingConfig {
                patience: Duration::from_secs(600),
                sites: BTreeMap::new(),
                deadlines: Deadlines::default(),
            },
            log: LogConfig::default(),
        }
    }
}

impl Config {
    /// The database's URL, with the default filled in.
    pub fn database_url(&self) -> String {
        if self.database.url.is_empty() {
            format!("sqlite://{}", self.data_dir.join("flow.db").display())
        } else {
            self.database.url.clone()
        }
    }
}
