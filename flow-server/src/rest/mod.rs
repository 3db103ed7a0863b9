//! REST `/api/v2`: a thin layer over the services.

mod events;
mod extract;
mod logs;
mod parties;
mod refusal;
mod runs;
mod tasks;
mod templates;
pub(crate) mod v1;

use std::{sync::Arc, time::Duration};

use axum::{Extension, Router, middleware};
use flow_domain::ErrorCode;
use flow_rest::{Failure, Guard, Metrics, finish, guard, panicked};
use tokio_util::sync::CancellationToken;
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};
use utoipa_swagger_ui::SwaggerUi;

use self::extract::MaxBody;
use crate::service::Services;

/// How long one request may take, apart from streams.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where the documentation is.
const DOC: &str = "/api/v2/docs";

/// What handlers share.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) services: Services,
    /// Streams end with the server.
    pub(crate) end: CancellationToken,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Iflearner Flow",
        description = "Schedules multi-party horizontal federated learning. Errors are RFC 9457 problem documents. Every POST that creates \
                       takes an `Idempotency-Key`; updates and deletes take `If-Match` with the revision's ETag.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "templates", description = "What is trained, and how it is started"),
        (name = "tasks", description = "A template with participants and policies"),
        (name = "runs", description = "Executions of tasks"),
        (name = "parties", description = "The members of the federation")
    )
)]
struct Doc;

fn api() -> OpenApiRouter<App> {
    let plain = OpenApiRouter::new()
        .routes(routes!(templates::create, templates::list))
        .routes(routes!(templates::get, templates::change, templates::delete))
        .routes(routes!(tasks::create, tasks::list))
        .routes(routes!(tasks::get, tasks::change, tasks::delete))
        .routes(routes!(runs::start))
        .routes(routes!(runs::list))
        .routes(routes!(runs::get))
        .routes(routes!(runs::cancel))
        .routes(routes!(runs::approve))
        .routes(routes!(runs::reject))
        .routes(routes!(runs::assignments))
        .routes(routes!(runs::why))
        .routes(routes!(parties::list))
        .routes(routes!(parties::get))
        .layer(TimeoutLayer::with_status_code(
            axum::http::StatusCode::GATEWAY_TIMEOUT,
            TIMEOUT,
        ));
    let streams = OpenApiRouter::new()
        .routes(routes!(events::events))
        .routes(routes!(logs::logs));
    OpenApiRouter::with_openapi(Doc::openapi()).nest("/api/v2", plain.merge(streams))
}

/// The OpenAPI document.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    api().into_openapi()
}

/// The OpenAPI document of `/api/v1`.
#[must_use]
pub fn legacy_openapi() -> utoipa::openapi::OpenApi {
    v1::openapi()
}

/// The whole HTTP surface.
pub(crate) fn router(app: App, names: Guard, max_body: usize, metrics: Arc<Metrics>) -> Router {
    let (routes, document) = api().split_for_parts();
    let docs = SwaggerUi::new(DOC).url("/api/v2/openapi.json", document);
    let api = routes.with_state(app).merge(docs).fallback(|| async {
        let detail = format!("there is nothing at this path: see {DOC}");
        Failure::new(ErrorCode::NotFound, detail)
    });
    api.method_not_allowed_fallback(|| async { Failure::method_not_allowed(DOC) })
        .layer(Extension(MaxBody(max_body)))
        .layer(middleware::from_fn_with_state(Arc::new(names), guard))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(metrics, finish))
}
