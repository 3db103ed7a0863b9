//! The server apart from what it listens on: services, queue, planner, and the link to agents over whatever connections.

use std::{io, sync::Arc, time::Duration};

use flow_daemon::{ambient::Ambient, shutdown::Shutdown};
use flow_proto::{MAX_MESSAGE, v1::agent_link_server::AgentLinkServer};
use futures::Stream;
use tokio_util::sync::CancellationToken;

pub use crate::grpc::Connection;
use crate::{
    config::SchedulingConfig,
    engine::Engine,
    grpc::Link,
    hub::Hub,
    planner,
    service::Services,
    store::{Store, StoreError},
};

/// How many parties are remembered at the start.
const MAX_PARTIES: u64 = 100_000;

/// What a core is told.
#[derive(Debug, Clone)]
pub struct CoreConfig {
    /// How often an agent says something at least.
    pub heartbeat: Duration,
    /// The queue.
    pub scheduling: SchedulingConfig,
}

/// The server without its listeners. The daemon gives it connections over TLS, the simulation those of a simulated network.
#[derive(Debug)]
pub struct Core {
    services: Services,
    heartbeat: Duration,
}

impl Core {
    /// A core over a store. Nothing runs yet.
    ///
    /// # Errors
    /// If the store cannot say which parties there are.
    pub async fn open(store: Store, ambient: Ambient, config: CoreConfig) -> Result<Self, StoreError> {
        let hub = Arc::new(Hub::default());
        let known = store.parties(None, MAX_PARTIES).await?;
        let chance = ambient.chance.clone();
        let engine = Engine::new(store.clone(), hub.clone(), config.scheduling, ambient);
        hub.remember(known, engine.now());
        let services = Services {
            store,
            hub,
            engine: Arc::new(engine),
            chance,
        };
        Ok(Self {
            services,
            heartbeat: config.heartbeat,
        })
    }

    /// What users may do.
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Plans, and serves the agents at these connections, until `shutdown`.
    pub fn start(
        &self,
        incoming: impl Stream<Item = io::Result<Connection>> + Send + Unpin + 'static,
        shutdown: &Shutdown,
    ) {
        let Services { store, hub, engine, .. } = self.services.clone();
        let end = shutdown.token.clone();
        let link = Link {
            store: store.clone(),
            hub: hub.clone(),
            engine: engine.clone(),
            heartbeat: self.heartbeat,
            sessions: shutdown.tracker.clone(),
            end: end.clone(),
        };
        shutdown.tracker.spawn(serve_link(link, incoming, end.clone()));
        shutdown.tracker.spawn(planner::run(store, hub, engine, end));
    }
}

async fn serve_link(
    link: Link,
    incoming: impl Stream<Item = io::Result<Connection>> + Send + Unpin + 'static,
    end: CancellationToken,
) {
    let service = AgentLinkServer::new(link)
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE);
    let served = tonic::transport::Server::builder()
        .max_concurrent_streams(4)
        .http2_keepalive_interval(Some(Duration::from_secs(10)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .add_service(service)
        .serve_with_incoming_shutdown(incoming, end.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(error = %flow_daemon::error::chain(&error), "the link ended");
    }
}
