//! What every daemon of the platform needs, and nothing that only one of them does: layered
//! configuration, telemetry, mutual TLS with hot reload, health and metrics, shutdown.

pub mod accept;
pub mod ambient;
pub mod config;
pub mod connect;
pub mod error;
pub mod health;
pub mod metrics;
pub mod net;
pub mod serve;
pub mod shutdown;
pub mod telemetry;
pub mod tls;

/// The platform's version, as in its packages.
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
