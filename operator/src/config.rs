//! The operator's settings.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use flow_daemon::{config::duration, health::HealthConfig, telemetry::LogConfig};
use serde::{Deserialize, Serialize};

/// Everything that can be set. Environment variables begin with `FLOW_OPERATOR__`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The namespaces whose jobs are cared for; all if empty, which needs a ClusterRole.
    pub namespaces: Vec<String>,
    /// How many jobs are worked on at the same time.
    pub concurrency: u16,
    /// What is done to pods for their safety.
    pub security: Security,
    /// The user id of pods that name none, with `security = "restricted"`.
    pub run_as_user: i64,
    /// How jobs are reached from outside.
    pub routing: Routing,
    /// The Ingress, with `routing = "ingress"`.
    pub ingress: IngressConfig,
    /// The Gateway, with `routing = "gateway"`.
    pub gateway: GatewayConfig,
    /// Who is at work, where there are several replicas.
    pub leader: LeaderConfig,
    /// `/livez`, `/readyz` and `/metrics`.
    pub health: HealthConfig,
    /// Logging.
    pub log: LogConfig,
}

/// What is done to pods for their safety.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// What the template leaves open is set as Pod Security `restricted` wants it.
    Restricted,
    /// Pods are as their templates say, for images that need root.
    Template,
}

/// How jobs are reached from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Routing {
    /// By an Ingress.
    Ingress,
    /// By a route on a Gateway.
    Gateway,
    /// Not at all, or by what others make.
    None,
}

/// The Ingress of jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngressConfig {
    /// Which controller's annotations are set.
    pub preset: Preset,
    /// The ingress class, where it is not the preset's.
    pub class_name: Option<String>,
    /// Annotations of Ingresses, over those of the preset.
    pub annotations: BTreeMap<String, String>,
    /// Annotations of Services, over those of the preset.
    pub service_annotations: BTreeMap<String, String>,
}

/// The ingress controllers that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// ingress-nginx, as the original operator has it.
    Nginx,
    /// Contour with Envoy.
    Contour,
    /// Traefik.
    Traefik,
    /// HAProxy's own controller, and jcmoraisjr's.
    Haproxy,
    /// No annotations, and the cluster's default class.
    None,
}

/// The Gateway that routes are attached to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayConfig {
    /// Its name.
    pub name: String,
    /// Its namespace, where it is not the job's.
    pub namespace: Option<String>,
    /// The listener's name; all that match if not given.
    pub section_name: Option<String>,
    /// The kind of the routes.
    pub route: RouteKind,
}

/// The kinds of routes that the Gateway API has for gRPC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RouteKind {
    /// Made for gRPC, and without a field for timeouts: those of the implementation count.
    #[default]
    #[serde(rename = "GRPCRoute")]
    Grpc,
    /// It says that calls may take any time.
    #[serde(rename = "HTTPRoute")]
    Http,
}

/// The election of a leader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaderConfig {
    /// Whether there is one. Without, there must be one replica only.
    pub enabled: bool,
    /// The Lease's name.
    pub lease: String,
    /// The Lease's namespace; by default the one that the operator is in.
    pub namespace: Option<String>,
    /// This replica's name; by default the host's, and something random.
    pub identity: Option<String>,
    /// How long a leader counts as alive after it was last heard of.
    #[serde(with = "duration")]
    pub duration: Duration,
    /// After how long without success a leader gives up; less than `duration`.
    #[serde(with = "duration")]
    pub renew_deadline: Duration,
    /// How often a leader says that it is alive, and others look.
    #[serde(with = "duration")]
    pub retry_period: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            namespaces: Vec::new(),
            concurrency: 32,
            security: Security::Restricted,
            run_as_user: 65_532,
            routing: Routing::Ingress,
            ingress: IngressConfig {
                preset: Preset::Nginx,
                class_name: None,
                annotations: BTreeMap::new(),
                service_annotations: BTreeMap::new(),
            },
            gateway: GatewayConfig::default(),
            leader: LeaderConfig {
                enabled: true,
                lease: "flow-operator".to_owned(),
                namespace: None,
                identity: None,
                duration: Duration::from_secs(12),
                renew_deadline: Duration::from_secs(8),
                retry_period: Duration::from_secs(3),
            },
            health: HealthConfig {
                enabled: true,
                listen: SocketAddr::from(([0, 0, 0, 0], 1238)),
            },
            log: LogConfig::default(),
        }
    }
}

/// A setting that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} {problem}")]
pub struct BadSetting {
    key: &'static str,
    problem: &'static str,
}

impl Config {
    /// Checks what the types do not say.
    ///
    /// # Errors
    /// Names the first setting that cannot be, and what it may be.
    pub fn check(&self) -> Result<(), BadSetting> {
        let bad = |key, problem| Err(BadSetting { key, problem });
        if self.concurrency == 0 {
            return bad("concurrency", "must be at least 1");
        }
        if self.run_as_user <= 0 {
            return bad("run_as_user", "must be above 0: pods may not run as root");
        }
        if self.routing == Routing::Gateway && self.gateway.name.is_empty() {
            return bad("gateway.name", "must be given with routing = \"gateway\"");
        }
        let LeaderConfig {
            duration,
            renew_deadline,
            retry_period,
            ..
        } = self.leader;
        if duration.subsec_nanos() != 0 || duration.is_zero() {
            return bad("leader.duration", "must be whole seconds, and at least one");
        }
        if renew_deadline >= duration {
            return bad("leader.renew_deadline", "must be shorter than leader.duration");
        }
        if retry_period.is_zero() || retry_period >= renew_deadline {
            return bad(
                "leader.retry_period",
                "must be shorter than leader.renew_deadline, and not zero",
            );
        }
        Ok(())
    }
}
