//! Wires the server: everything it consists of is made and connected here, and nowhere else.

use std::{net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use flow_daemon::{
    accept::{AcceptOptions, TlsAcceptor},
    ambient::Ambient,
    connect::TlsConnector,
    health::{self, CheckHandle, HealthPage, Readiness},
    metrics,
    net::{ListenError, listen},
    serve::{ServeOptions, serve},
    shutdown::Shutdown,
    tls::{ReloadingTls, TlsError, install_crypto},
};
use flow_database::{ConnectError, SoleUse};
use flow_pki::TrustDomain;
use flow_rest::{Guard, Metrics};
use prometheus_client::{collector::Collector, encoding::DescriptorEncoder, metrics::gauge::ConstGauge};
use tokio::net::TcpListener;
use tokio_stream::{Stream, StreamExt, wrappers::ReceiverStream};
use tokio_util::sync::CancellationToken;

use crate::{
    center::{self, CenterError},
    config::{Config, LegacyConfig},
    core::{Connection, Core, CoreConfig, Peers},
    grpc,
    hub::Hub,
    rest,
    store::{Store, StoreError},
};

/// How often the database is asked whether it is there, and the TLS files whether they changed.
const DATABASE_CHECK: Duration = Duration::from_secs(5);
const TLS_CHECK: Duration = Duration::from_secs(5);

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// REST would be open to everybody.
    #[error(
        "rest.listen = {0} is not loopback, and the API has no log-in of its own: put a proxy with one before it and set rest.allow_remote = true"
    )]
    Open(SocketAddr),
    /// The API of Iflearner Flow would be open to everybody.
    #[error(
        "legacy.listen = {0} is not loopback, and everybody who reaches it may start and delete what they like: set legacy.allow_remote = true only in a network of people you trust"
    )]
    LegacyOpen(SocketAddr),
    /// The trust domain is no name.
    #[error("link.trust_domain is not right")]
    TrustDomain(#[source] flow_pki::NameError),
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] ConnectError),
    /// The store failed at the start.
    #[error("cannot read the database")]
    Store(#[from] StoreError),
    /// The TLS files cannot be used.
    #[error("cannot use link.tls")]
    Tls(#[from] TlsError),
    /// The center's agent cannot start.
    #[error(transparent)]
    Center(#[from] CenterError),
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    rest: SocketAddr,
    legacy: Option<SocketAddr>,
    link: SocketAddr,
    shutdown: Shutdown,
    _sole_use: SoleUse,
}

impl Server {
    /// Starts a server that runs until `shutdown`.
    ///
    /// # Errors
    /// Says what cannot be used and what to do about it. Nothing runs then.
    pub async fn start(config: Config, shutdown: &Shutdown) -> Result<Self, StartError> {
        install_crypto();
        if !config.rest.listen.ip().is_loopback() {
            if !config.rest.allow_remote {
                return Err(StartError::Open(config.rest.listen));
            }
            tracing::warn!(listen = %config.rest.listen, "the REST API is open to everybody who can reach it: it has no log-in of its own");
        }
        // What can be refused is tried before anything is started.
        let (rest_listener, rest) = listen("rest.listen", config.rest.listen).await?;
        let legacy = listen_to_old_clients(&config.legacy).await?;
        let (link_listener, link_at) = listen("link.listen", config.link.listen).await?;
        let page = HealthPage::listen(&config.health).await?;
        let health = page.addr();
        let tls = config.link.tls.clone().map(ReloadingTls::load).transpose()?;
        let trust_domain: TrustDomain = config.link.trust_domain.parse().map_err(StartError::TrustDomain)?;
        let sole_use = SoleUse::of(&config.database_url(), "flow-server")?;
        let store = Store::open(&config.database_url(), config.database.max_connections).await?;

        let end = shutdown.token.clone();
        let peers = match &tls {
            Some(tls) => Peers::with(TlsConnector::new(tls.clone(), trust_domain.clone())),
            None => Peers::default(),
        };
        let core_config = CoreConfig {
            heartbeat: config.link.heartbeat,
            scheduling: config.scheduling.clone(),
            address: address(config.link.advertise.as_deref(), link_at, store.is_shared()),
            center: config.center.enabled,
            peers,
        };
        let ambient = Ambient::of_machine();
        let core = Core::open(store.clone(), ambient.clone(), core_config).await?;
        let services = core.services().clone();
        let mut registry = metrics::registry("flow-server");
        registry.register_collector(Box::new(Attached(services.hub.clone())));

        let (open, local) = grpc::local();
        if config.center.enabled {
            center::start(&config, ambient, shutdown, open, core.hosts_center()).await?;
        }
        let accepted = match tls {
            None => {
                tracing::warn!("link.tls is not set: no agent but the center's own can attach");
                None
            }
            Some(tls) => {
                tls.register(&mut registry);
                shutdown.tracker.spawn(tls.clone().watch(TLS_CHECK, end.clone()));
                let options = AcceptOptions {
                    max_connections: config.link.max_connections,
                    trust_domain,
                    ..AcceptOptions::default()
                };
                let acceptor = TlsAcceptor::new(tls, options);
                acceptor.metrics().register(&mut registry);
                Some(
                    acceptor
                        .incoming(link_listener, end.clone())
                        .map(|accepted| accepted.map(Connection::tls)),
                )
            }
        };
        let local = ReceiverStream::new(local).map(Ok);
        let incoming: Pin<Box<dyn Stream<Item = _> + Send>> = match accepted {
            Some(accepted) => Box::pin(accepted.merge(local)),
            None => Box::pin(local),
        };
        core.start(incoming, shutdown).await?;
        let readiness = Readiness::new(end.clone());
        let database = readiness.register("database");
        shutdown.tracker.spawn(watch_database(store, database, end.clone()));

        let app = rest::App {
            services,
            end: end.clone(),
        };
        let http_metrics = Arc::new(Metrics::register(&mut registry));
        let options = ServeOptions {
            max_connections: config.rest.max_connections,
            drain: Duration::from_secs(5),
            ..ServeOptions::default()
        };
        let legacy_addr = legacy.as_ref().map(|(_, addr)| *addr);
        if let Some((listener, addr)) = legacy {
            let guard = Guard::new(addr, config.rest.hosts.clone());
            let router = rest::v1::router(app.clone(), guard, config.rest.max_body, http_metrics.clone());
            let (options, end) = (options.clone(), end.clone());
            shutdown.tracker.spawn(async move {
                serve(listener, router, options, end).await;
            });
        }
        let guard = Guard::new(rest, config.rest.hosts);
        let router = rest::router(app, guard, config.rest.max_body, http_metrics);
        let registry = Arc::new(registry);
        page.serve(readiness.clone(), registry.clone(), shutdown);
        let router = router.merge(health::router(readiness, registry));
        shutdown.tracker.spawn(async move {
            serve(rest_listener, router, options, end).await;
        });
        tracing::info!(%rest, link = %link_at, health = health.map(tracing::field::display), legacy = legacy_addr.map(tracing::field::display), version = flow_daemon::version(), "flow-server is up");
        Ok(Self {
            rest,
            legacy: legacy_addr,
            link: link_at,
            shutdown: shutdown.clone(),
            _sole_use: sole_use,
        })
    }

    /// Where REST is served.
    pub fn rest_addr(&self) -> SocketAddr {
        self.rest
    }

    /// Where `/api/v1` is served, if it is.
    pub fn legacy_addr(&self) -> Option<SocketAddr> {
        self.legacy
    }

    /// Where agents attach.
    pub fn link_addr(&self) -> SocketAddr {
        self.link
    }

    /// Waits for the shutdown, and lets what is under way finish. Jobs run on.
    pub async fn join(self) {
        self.shutdown.token.cancelled().await;
        if let Err(error) = self.shutdown.drain(Duration::from_secs(15)).await {
            tracing::warn!(%error, "ending all the same");
        }
    }
}

/// The listener of `/api/v1`, if there is to be one.
async fn listen_to_old_clients(config: &LegacyConfig) -> Result<Option<(TcpListener, SocketAddr)>, StartError> {
    let Some(at) = config.listen else { return Ok(None) };
    if !at.ip().is_loopback() && !config.allow_remote {
        return Err(StartError::LegacyOpen(at));
    }
    tracing::warn!(listen = %at, "legacy.listen is set: /api/v1 knows neither log-in nor encryption, so everybody who reaches it may make, start, stop and delete templates and tasks, and all can be read on the way");
    Ok(Some(listen("legacy.listen", at).await?))
}

/// Where other servers reach the link.
fn address(advertised: Option<&str>, link: SocketAddr, shared: bool) -> String {
    match advertised {
        Some(address) => address.to_owned(),
        None if !link.ip().is_unspecified() => link.to_string(),
        None => {
            if shared {
                tracing::warn!(%link, "other servers cannot ask this one for logs: set link.advertise to a host of its certificate and its port");
            }
            String::new()
        }
    }
}

async fn watch_database(store: Store, check: CheckHandle, end: CancellationToken) {
    loop {
        match store.ping().await {
            Ok(()) => check.ok(),
            Err(error) => check.failing(flow_daemon::error::chain(&error)),
        }
        tokio::select! {
            () = end.cancelled() => break,
            () = tokio::time::sleep(DATABASE_CHECK) => {}
        }
    }
}

/// Counts attached agents at each scrape.
#[derive(Debug)]
struct Attached(Arc<Hub>);

impl Collector for Attached {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let attached = ConstGauge::new(i64::try_from(self.0.attached()).unwrap_or(i64::MAX));
        let metric = encoder.encode_descriptor(
            "flow_agents_attached",
            "Agents that are attached",
            None,
            prometheus_client::metrics::MetricType::Gauge,
        )?;
        prometheus_client::encoding::EncodeMetric::encode(&attached, metric)
    }
}
