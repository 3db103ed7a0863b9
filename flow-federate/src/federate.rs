//! Wires the agent: everything it consists of is made and connected here, and nowhere else.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use flow_agent::{Agent, AgentError, Journal, JournalError, launcher, link};
use flow_daemon::{
    ambient::Ambient,
    connect::TlsConnector,
    health::{HealthPage, Readiness},
    metrics,
    net::{ListenError, listen},
    serve::{ServeOptions, serve},
    shutdown::Shutdown,
    tls::{ReloadingTls, TlsError, install_crypto},
};
use flow_domain::{PartyId, ids::InvalidId};
use flow_launcher::LaunchError;
use flow_rest::{Guard, Metrics};
use tokio::net::TcpListener;
use tonic::transport::Endpoint;

use crate::{
    config::{Config, RestConfig},
    rest::{self, App},
};

/// How often the TLS files are looked at.
const TLS_CHECK: Duration = Duration::from_secs(5);

/// Why the agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The party's name is none.
    #[error("party is not right")]
    Party(#[source] InvalidId),
    /// The server's address is none.
    #[error("server.address '{0}' is no address: write it as host:port")]
    Address(String),
    /// The trust domain is no name.
    #[error("server.trust_domain is not right")]
    TrustDomain(#[source] flow_pki::NameError),
    /// The TLS files cannot be used.
    #[error("cannot use the TLS files")]
    Tls(#[from] TlsError),
    /// The launcher cannot be used.
    #[error("cannot use the launcher")]
    Launcher(#[from] LaunchError),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The agent itself cannot start.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// The party's REST may not listen there.
    #[error(
        "rest.listen {0} can be reached from elsewhere, and it has no log-in: listen on 127.0.0.1, or set rest.allow_remote = true"
    )]
    Open(SocketAddr),
    /// The health page or REST cannot be served.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

/// A running agent.
#[derive(Debug)]
pub struct Federate {
    shutdown: Shutdown,
    rest: Option<SocketAddr>,
    health: Option<SocketAddr>,
}

impl Federate {
    /// Starts an agent that runs until `shutdown`. It attaches as soon as the server is there.
    ///
    /// # Errors
    /// Says what cannot be used and what to do about it. Nothing runs then.
    pub async fn start(config: Config, shutdown: &Shutdown) -> Result<Self, StartError> {
        install_crypto();
        let party: PartyId = config.party.parse().map_err(StartError::Party)?;
        let server = &config.server;
        let addresses = std::iter::once(&server.address).chain(&server.others);
        let endpoints: Arc<[Endpoint]> = addresses.map(|address| endpoint(address)).collect::<Result<_, _>>()?;
        let trust_domain = config.server.trust_domain.parse().map_err(StartError::TrustDomain)?;
        // What can be refused is tried before anything is started.
        let rest_listener = listen_rest(&config.rest).await?;
        let rest_at = rest_listener.as_ref().map(|(_, at)| *at);
        let page = HealthPage::listen(&config.health).await?;
        let health = page.addr();
        let tls = ReloadingTls::load(config.tls.clone())?;
        let launcher = launcher(&party, &config.data_dir, &config.agent, config.supervisor.as_deref()).await?;
        let end = shutdown.token.clone();
        let ambient = Ambient::of_machine();
        let journal = Journal::open(&config.journal, &party, &config.data_dir, "flow-federate", &ambient).await?;
        let agent = Agent::new(
            party.clone(),
            config.agent,
            &config.data_dir,
            launcher,
            journal,
            ambient,
            end.clone(),
        )?;

        let mut registry = metrics::registry("flow-federate");
        tls.register(&mut registry);
        shutdown.tracker.spawn(tls.clone().watch(TLS_CHECK, end.clone()));
        let mut connector = TlsConnector::new(tls, trust_domain);
        if let Some(name) = &config.server.name {
            connector = connector.with_server_name(name);
        }
        let turn = AtomicUsize::new(0);
        let dial: link::Dial = Arc::new(move || {
            // Every try is at the next one: whichever ended the link, or refused, is asked last.
            let turn = turn.fetch_add(1, Ordering::Relaxed) % endpoints.len();
            let (endpoint, connector) = (endpoints[turn].clone(), connector.clone());
            Box::pin(async move { endpoint.connect_with_connector(connector).await })
        });
        let readiness = Readiness::new(end.clone());
        let attached = readiness.register("server");
        attached.failing("not attached yet");
        let on_link: link::OnLink = Arc::new(move |state| match state {
            Ok(()) => attached.ok(),
            Err(reason) => attached.failing(reason),
        });
        if let Some((listener, at)) = rest_listener {
            let app = App {
                agent: agent.clone(),
                end: end.clone(),
            };
            let metrics = Arc::new(Metrics::register(&mut registry));
            let router = rest::router(app, Guard::new(at, config.rest.hosts.clone()), metrics);
            let options = ServeOptions {
                max_connections: config.rest.max_connections,
                drain: Duration::from_secs(5),
                ..ServeOptions::default()
            };
            let served = serve(listener, router, options, end.clone());
            shutdown.tracker.spawn(served);
        }
        page.serve(readiness, Arc::new(registry), shutdown);
        shutdown
            .tracker
            .spawn(link::run(agent.clone(), dial, on_link, end.clone()));
        shutdown.tracker.spawn(async move {
            end.cancelled().await;
            agent.drained().await;
        });
        tracing::info!(%party, server = config.server.address, rest = rest_at.map(tracing::field::display), health = health.map(tracing::field::display), version = flow_daemon::version(), "flow-federate is up");
        Ok(Self {
            shutdown: shutdown.clone(),
            rest: rest_at,
            health,
        })
    }

    /// Where the party's REST is served.
    pub fn rest_addr(&self) -> Option<SocketAddr> {
        self.rest
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

/// Listens for the party's REST, unless it is off.
async fn listen_rest(config: &RestConfig) -> Result<Option<(TcpListener, SocketAddr)>, StartError> {
    if !config.enabled {
        return Ok(None);
    }
    if !config.listen.ip().is_loopback() {
        if !config.allow_remote {
            return Err(StartError::Open(config.listen));
        }
        tracing::warn!(listen = %config.listen, "the party's REST is open to everybody who can reach it: it has no log-in, and shows logs and paths of data");
    }
    Ok(Some(listen("rest.listen", config.listen).await?))
}

fn endpoint(address: &str) -> Result<Endpoint, StartError> {
    let wrong = || StartError::Address(address.to_owned());
    let has_port = address
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if !has_port || address.contains('/') {
        return Err(wrong());
    }
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|_| wrong())?;
    Ok(endpoint
        .connect_timeout(Duration::from_secs(10))
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(10))
        .keep_alive_while_idle(true))
}
