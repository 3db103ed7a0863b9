//! The party's own REST: what was asked of it and what became of that, its data sets and logs (`/api/v2`), and what clients of Iflearner
//! Flow know of a party (`/api/v1`).
//!
//! It has no log-in and shows the party's own paths, so it listens on loopback unless that is asked for.

mod assignments;
mod datasets;
mod legacy;
mod logs;
mod views;

use std::{sync::Arc, time::Duration};

use axum::{Router, http::StatusCode, middleware};
use flow_agent::{Agent, JournalError};
use flow_daemon::error::chain;
use flow_domain::ErrorCode;
use flow_rest::{Failure, Guard, Metrics, finish, guard, panicked};
use tokio_util::sync::CancellationToken;
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};
use utoipa_swagger_ui::SwaggerUi;

/// How long one request may take, apart from logs that are followed.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where the documentation is.
const DOC: &str = "/api/v2/doc";

/// What handlers share.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) agent: Agent,
    /// Streams end with the agent.
    pub(crate) end: CancellationToken,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Iflearner Flow: a party",
        description = "What was asked of this party, on which data set, and what became of it. Errors of `/api/v2` are RFC 9457 problem \
                       documents; answers of `/api/v1`, for clients of Iflearner Flow, are wrapped with a `ret_code`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "assignments", description = "This party's parts of runs, from its own journal"),
        (name = "datasets", description = "This party's data"),
        (name = "v1", description = "For clients of Iflearner Flow")
    )
)]
struct Doc;

fn api() -> OpenApiRouter<App> {
    let plain = OpenApiRouter::new()
        .routes(routes!(assignments::list))
        .routes(routes!(assignments::get))
        .routes(routes!(assignments::events))
        .routes(routes!(datasets::list));
    let legacy = OpenApiRouter::new()
        .routes(routes!(legacy::tasks))
        .routes(routes!(legacy::logs));
    let limit = TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, TIMEOUT);
    let streams = OpenApiRouter::new().routes(routes!(logs::logs));
    OpenApiRouter::with_openapi(Doc::openapi())
        .nest("/api/v2", plain.layer(limit).merge(streams))
        .nest("/api/v1", legacy.layer(limit))
}

/// The OpenAPI document.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    api().into_openapi()
}

/// The whole HTTP surface.
pub(crate) fn router(app: App, names: Guard, metrics: Arc<Metrics>) -> Router {
    let (routes, document) = api().split_for_parts();
    let docs = SwaggerUi::new(DOC).url("/api/v2/openapi.json", document);
    routes
        .with_state(app)
        .merge(docs)
        .fallback(|| async {
            let detail = format!("there is nothing at this path: see {DOC}");
            Failure::new(ErrorCode::NotFound, detail)
        })
        .method_not_allowed_fallback(|| async { Failure::method_not_allowed(DOC) })
        .layer(middleware::from_fn_with_state(Arc::new(names), guard))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(metrics, finish))
}

/// What the journal's trouble means to who asks.
fn unreadable(error: &JournalError) -> Failure {
    if error.is_away() {
        return Failure::new(ErrorCode::Unavailable, error.to_string());
    }
    tracing::error!(error = %chain(error), "the journal cannot be read");
    Failure::new(ErrorCode::Internal, "the journal cannot be read: see this agent's log")
}
