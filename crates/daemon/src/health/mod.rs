//! `/livez`, `/readyz` and `/metrics`.

mod page;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

pub use self::page::{HealthConfig, HealthPage};

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whether the daemon can do its work: a set of named checks, all of which must be well.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    checks: Arc<Mutex<BTreeMap<String, Health>>>,
    shutdown: CancellationToken,
}

/// What a check says: `None` is well, `Some` the reason why not.
type Health = Option<String>;

/// Reports on one check. Clones report on the same.
#[derive(Debug, Clone)]
pub struct CheckHandle {
    name: String,
    readiness: Readiness,
}

/// A check that is not well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failing {
    /// The check's name.
    pub name: String,
    /// Why it is not well.
    pub reason: String,
}

#[derive(Serialize)]
struct Report {
    ready: bool,
    failing: Vec<Failing>,
}

impl Readiness {
    /// No checks yet. From the time that `shutdown` is cancelled the daemon is not ready, so that no
    /// new work is sent to it.
    pub fn new(shutdown: CancellationToken) -> Self {
        Self {
            checks: Arc::default(),
            shutdown,
        }
    }

    /// Adds a check, failing until its first report. Of two with one name the later counts.
    pub fn register(&self, name: &str) -> CheckHandle {
        let handle = CheckHandle {
            name: name.to_owned(),
            readiness: self.clone(),
        };
        handle.failing("not reported yet");
        handle
    }

    /// The checks that are not well; none means ready.
    pub fn failing(&self) -> Vec<Failing> {
        let failing = |name: &str, reason: &str| Failing {
            name: name.to_owned(),
            reason: reason.to_owned(),
        };
        let stopping = self.shutdown.is_cancelled();
        stopping
            .then(|| failing("shutdown", "the daemon is shutting down"))
            .into_iter()
            .chain(
                self.lock()
                    .iter()
                    .filter_map(|(name, health)| Some(failing(name, health.as_deref()?))),
            )
            .collect()
    }

    /// Whether every check is well.
    pub fn is_ready(&self) -> bool {
        self.failing().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Health>> {
        // Each change is one insertion, so a panic elsewhere cannot have left half of one.
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CheckHandle {
    /// Reports that all is well.
    pub fn ok(&self) {
        self.report(None);
    }

    /// Reports what is wrong.
    pub fn failing(&self, reason: impl Into<String>) {
        self.report(Some(reason.into()));
    }

    fn report(&self, health: Health) {
        self.readiness.lock().insert(self.name.clone(), health);
    }
}

#[derive(Clone)]
struct Probes {
    readiness: Readiness,
    registry: Arc<Registry>,
}

/// The routes `/livez`, `/readyz` and `/metrics`.
///
/// `/livez` answers 200 as long as anything is answered at all. `/readyz` answers 200, or 503 with
/// the failing checks. `/metrics` renders `registry` as OpenMetrics text.
pub fn router(readiness: Readiness, registry: Arc<Registry>) -> Router {
    Router::new()
        .route("/livez", get(async || ([(CACHE_CONTROL, "no-store")], "ok\n")))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(Probes { readiness, registry })
}

async fn readyz(State(probes): State<Probes>) -> Response {
    let failing = probes.readiness.failing();
    let ready = failing.is_empty();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let report = Json(Report { ready, failing });
    (status, [(CACHE_CONTROL, "no-store")], report).into_response()
}

async fn metrics(State(probes): State<Probes>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &probes.registry) {
        Ok(()) => ([(CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "cannot render the metrics");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
