//! A listener of its own for `/livez`, `/readyz` and `/metrics`.

use std::{net::SocketAddr, sync::Arc};

use prometheus_client::registry::Registry;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use super::{Readiness, router};
use crate::{
    net::{ListenError, listen},
    serve::{ServeOptions, serve},
    shutdown::Shutdown,
};

/// Where `/livez`, `/readyz` and `/metrics` are served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthConfig {
    /// Whether they are served there.
    pub enabled: bool,
    /// Where.
    pub listen: SocketAddr,
}

/// The page, which nothing is served at yet.
#[derive(Debug)]
pub struct HealthPage {
    listener: Option<(TcpListener, SocketAddr)>,
}

impl HealthPage {
    /// Takes the address, if the page is to be.
    ///
    /// # Errors
    /// Fails if the address cannot be listened on.
    pub async fn listen(config: &HealthConfig) -> Result<Self, ListenError> {
        let listener = match config.enabled {
            true => Some(listen("health.listen", config.listen).await?),
            false => None,
        };
        Ok(Self { listener })
    }

    /// Where it is, with the port that was given where any was asked for.
    pub fn addr(&self) -> Option<SocketAddr> {
        self.listener.as_ref().map(|(_, addr)| *addr)
    }

    /// Serves it until the shutdown.
    pub fn serve(self, readiness: Readiness, registry: Arc<Registry>, shutdown: &Shutdown) {
        let Some((listener, _)) = self.listener else {
            return;
        };
        let (router, end) = (router(readiness, registry), shutdown.token.clone());
        shutdown.tracker.spawn(async move {
            serve(listener, router, ServeOptions::default(), end).await;
        });
    }
}
