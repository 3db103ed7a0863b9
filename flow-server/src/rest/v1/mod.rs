//! REST `/api/v1`: the API of Iflearner Flow, for its clients. A thin layer over the same services as `/api/v2`, on a listener of its own,
//! as it knows neither TLS nor log-in.

mod answer;
mod federates;
mod tasks;
mod templates;

use std::sync::Arc;

use axum::{Extension, Router, http::StatusCode, middleware};
use flow_rest::{Guard, Metrics, finish, guard, panicked};
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};
use utoipa_swagger_ui::SwaggerUi;

use super::{App, TIMEOUT, extract::MaxBody};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Iflearner Flow, version 1",
        description = "For existing clients of Iflearner Flow. Every answer is wrapped: `ret_code` is 0, or says what is the matter, with HTTP \
                       200. New clients use `/api/v2`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "template", description = "What is trained, and how it is started"),
        (name = "task", description = "A template with parties and their data"),
        (name = "federate", description = "The parties")
    )
)]
struct Doc;

fn api() -> OpenApiRouter<App> {
    let routes = OpenApiRouter::new()
        .routes(routes!(templates::create, templates::list))
        .routes(routes!(templates::get, templates::change, templates::delete))
        .routes(routes!(tasks::create, tasks::list))
        .routes(routes!(tasks::get, tasks::change, tasks::delete))
        .routes(routes!(tasks::start))
        .routes(routes!(tasks::stop))
        .routes(routes!(federates::list));
    OpenApiRouter::with_openapi(Doc::openapi()).nest("/api/v1", routes)
}

/// The OpenAPI document.
pub(super) fn openapi() -> utoipa::openapi::OpenApi {
    api().into_openapi()
}

/// The whole listener.
pub(crate) fn router(app: App, names: Guard, max_body: usize, metrics: Arc<Metrics>) -> Router {
    let (routes, document) = api().split_for_parts();
    let docs = SwaggerUi::new("/api/v1/doc").url("/api/v1/openapi.json", document);
    routes
        .with_state(app)
        .merge(docs)
        .fallback(answer::nothing_here)
        .method_not_allowed_fallback(answer::not_that_method)
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, TIMEOUT))
        .layer(Extension(MaxBody(max_body)))
        .layer(middleware::from_fn_with_state(Arc::new(names), guard))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(metrics, finish))
}
