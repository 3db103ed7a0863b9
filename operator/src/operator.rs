//! Wires the operator: everything it consists of is made and connected here, and nowhere else.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use flow_daemon::{
    health::{HealthPage, Readiness},
    metrics as daemon_metrics,
    net::ListenError,
    shutdown::Shutdown,
    tls::install_crypto,
};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, config::InferConfigError};

use crate::{
    cluster::{client, infer},
    config::{BadSetting, Config},
    events::Events,
    leader::Election,
    metrics::Metrics,
    work::{Parts, work},
};

/// How long requests other than watches may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Why the operator cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting cannot be.
    #[error("the configuration is not right")]
    Config(#[from] BadSetting),
    /// There is no way to reach a cluster.
    #[error("cannot find a cluster: run in one, or set KUBECONFIG")]
    Cluster(#[source] Box<InferConfigError>),
    /// The cluster cannot be talked to.
    #[error("cannot make a client of the cluster")]
    Client(#[source] Box<kube::Error>),
    /// The health page cannot be served.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

/// A running operator.
#[derive(Debug)]
pub struct Operator {
    shutdown: Shutdown,
    health: Option<SocketAddr>,
}

impl Operator {
    /// Starts an operator that runs until `shutdown`.
    ///
    /// # Errors
    /// Says what cannot be used and what to do about it. Nothing runs then.
    pub async fn start(config: Config, shutdown: &Shutdown) -> Result<Self, StartError> {
        install_crypto();
        config.check()?;
        let end = shutdown.token.clone();
        let cluster = infer().await.map_err(|error| StartError::Cluster(Box::new(error)))?;
        let made = |error| StartError::Client(Box::new(error));
        let patient = client(cluster.clone(), None).map_err(made)?;
        let quick = client(cluster.clone(), Some(REQUEST_TIMEOUT)).map_err(made)?;
        let page = HealthPage::listen(&config.health).await?;
        let health = page.addr();

        let mut registry = daemon_metrics::registry("flow-operator");
        let metrics = Arc::new(Metrics::new(&mut registry));
        let readiness = Readiness::new(end.clone());
        let synced = readiness.register("cluster");
        page.serve(readiness, Arc::new(registry), shutdown);
        let identity = identity(&config);
        let (events, publisher) = Events::start(quick.clone(), identity.clone(), end.clone());
        shutdown.tracker.spawn(publisher);

        let namespace = config.leader.namespace.clone().unwrap_or(cluster.default_namespace);
        let leases: Api<Lease> = Api::namespaced(quick.clone(), &namespace);
        let election = Election {
            leases,
            identity,
            config: config.leader.clone(),
        };
        let parts = Parts {
            config: Arc::new(config),
            patient,
            client: quick,
            metrics,
            events,
            synced,
        };
        shutdown.tracker.spawn(async move {
            if !parts.config.leader.enabled {
                parts.metrics.leads(true);
                end.run_until_cancelled(work(&parts)).await;
                return;
            }
            // Whoever waits is ready to take over.
            let standing = |leads: bool| {
                parts.metrics.leads(leads);
                parts.synced.ok();
            };
            parts.synced.ok();
            election.run(&end, standing, || work(&parts)).await;
        });
        tracing::info!(
            version = flow_daemon::version(),
            health = health.map(tracing::field::display),
            "flow-operator is up"
        );
        Ok(Self {
            shutdown: shutdown.clone(),
            health,
        })
    }

    /// Where the health page is served.
    pub fn health_addr(&self) -> Option<SocketAddr> {
        self.health
    }

    /// Waits for the shutdown, and lets what is under way finish. Jobs run on.
    pub async fn join(self) {
        self.shutdown.token.cancelled().await;
        if let Err(error) = self.shutdown.drain(Duration::from_secs(15)).await {
            tracing::warn!(%error, "ending all the same");
        }
    }
}

/// This replica's name: the pod's, and something random, as a container that is restarted is another one.
fn identity(config: &Config) -> String {
    let name = || {
        let host = nix::unistd::gethostname().ok().and_then(|host| host.into_string().ok());
        format!(
            "{}_{:08x}",
            host.unwrap_or_else(|| "flow-operator".to_owned()),
            rand::random::<u32>()
        )
    };
    config.leader.identity.clone().unwrap_or_else(name)
}
