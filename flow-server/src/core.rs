//! The server apart from what it listens on: services, queue, planner, and the link to agents over whatever connections.

use std::{io, sync::Arc, time::Duration};

use flow_daemon::{ambient::Ambient, shutdown::Shutdown};
use flow_proto::{
    MAX_MESSAGE,
    v1::{agent_link_server::AgentLinkServer, replica_server::ReplicaServer},
};
use futures::Stream;
use tokio_util::sync::CancellationToken;

use crate::{
    config::SchedulingConfig,
    engine::Engine,
    grpc::{Link, Replica as ReplicaService},
    hub::Hub,
    planner,
    replica::{CENTER, Leases, Replica},
    service::Services,
    store::{Store, StoreError, shared::ServerId},
};
pub use crate::{grpc::Connection, replica::Peers};

/// How many parties are remembered at the start.
const MAX_PARTIES: u64 = 100_000;

/// What a core is told.
#[derive(Debug, Clone)]
pub struct CoreConfig {
    /// How often an agent says something at least.
    pub heartbeat: Duration,
    /// The queue.
    pub scheduling: SchedulingConfig,
    /// Where other servers on the same database reach this one's link; empty if that is not known.
    pub address: String,
    /// Whether this server would host the center's agent.
    pub center: bool,
    /// How other servers are reached.
    pub peers: Peers,
}

/// The server without its listeners. The daemon gives it connections over TLS, the simulation those of a simulated network.
#[derive(Debug)]
pub struct Core {
    services: Services,
    heartbeat: Duration,
    replica: Option<Replica>,
    leases: Arc<Leases>,
}

impl Core {
    /// A core over a store. Nothing runs yet.
    ///
    /// # Errors
    /// If the store cannot say which parties there are.
    pub async fn open(store: Store, ambient: Ambient, config: CoreConfig) -> Result<Self, StoreError> {
        let hub = Arc::new(Hub::default());
        let known = store.parties(None, MAX_PARTIES).await?;
        if let Some(newest) = known.iter().map(|party| party.last_seen).max() {
            ambient.clock.not_before(newest.0);
        }
        let (chance, clock) = (ambient.chance.clone(), ambient.clock.clone());
        let shared = store.is_shared().then(|| ServerId(chance.id()));
        let store = match shared {
            Some(id) => store.used_by(id),
            None => store,
        };
        let leases = Arc::new(Leases::new(shared.is_some()));
        let deadlines = config.scheduling.deadlines.clone();
        let engine = Engine::new(store.clone(), hub.clone(), config.scheduling, leases.clone(), ambient);
        let engine = Arc::new(engine);
        hub.remember(known, engine.now());
        let replica = shared.map(|id| Replica {
            id,
            clock: clock.clone(),
            store: store.clone(),
            hub: hub.clone(),
            engine: engine.clone(),
            leases: leases.clone(),
            address: config.address,
            center: config.center,
        });
        let services = Services {
            store,
            hub,
            engine,
            peers: config.peers,
            chance,
            deadlines,
        };
        Ok(Self {
            services,
            heartbeat: config.heartbeat,
            replica,
            leases,
        })
    }

    /// What users may do.
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Whether this server is the one to host the center's agent.
    pub(crate) fn hosts_center(&self) -> impl Fn() -> bool + Send + Sync + 'static {
        let leases = self.leases.clone();
        move || leases.has(CENTER)
    }

    /// Plans, and serves the agents at these connections, until `shutdown`.
    ///
    /// # Errors
    /// If the store does not answer. Nothing runs then.
    pub async fn start(
        &self,
        incoming: impl Stream<Item = io::Result<Connection>> + Send + Unpin + 'static,
        shutdown: &Shutdown,
    ) -> Result<(), StoreError> {
        let me = self.replica.as_ref().map(|replica| replica.id);
        if let Some(replica) = &self.replica {
            replica.clone().start(shutdown).await?;
        }
        let Services { store, hub, engine, .. } = self.services.clone();
        let end = shutdown.token.clone();
        let link = Link {
            store: store.clone(),
            hub: hub.clone(),
            engine: engine.clone(),
            services: Arc::new(self.services.clone()),
            heartbeat: self.heartbeat,
            sessions: shutdown.tracker.clone(),
            end: end.clone(),
            me,
        };
        shutdown.tracker.spawn(serve_link(link, incoming, end.clone()));
        shutdown.tracker.spawn(planner::run(store, hub, engine, end));
        Ok(())
    }
}

async fn serve_link(
    link: Link,
    incoming: impl Stream<Item = io::Result<Connection>> + Send + Unpin + 'static,
    end: CancellationToken,
) {
    let others = ReplicaServer::new(ReplicaService { hub: link.hub.clone() });
    let service = AgentLinkServer::new(link)
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE);
    let served = tonic::transport::Server::builder()
        .max_concurrent_streams(4)
        .http2_keepalive_interval(Some(Duration::from_secs(10)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .add_service(service)
        .add_service(others)
        .serve_with_incoming_shutdown(incoming, end.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(error = %flow_daemon::error::chain(&error), "the link ended");
    }
}
