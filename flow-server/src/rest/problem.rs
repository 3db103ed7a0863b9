//! Errors as problem documents, and what every response gets: a request id, a count, a line in the log.

use std::{any::Any, sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use flow_api::{PROBLEM_JSON, Problem, ViolationView};
use flow_domain::ErrorCode;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use uuid::Uuid;

use crate::service::Refusal;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long a client is asked to wait when something is away, in seconds.
pub(super) const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

/// A handler's error. The last layer turns it into a document.
#[derive(Debug, Clone)]
pub(crate) struct Failure(Box<Problem>);

impl Failure {
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem::new(code, detail)))
    }

    pub(crate) fn violation(field: impl Into<String>, problem: impl Into<String>) -> Self {
        let (field, problem) = (field.into(), problem.into());
        let mut failure = Self::new(ErrorCode::Invalid, format!("{field}: {problem}"));
        failure.0.violations.push(ViolationView { field, problem });
        failure
    }

    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(super) fn detail(&self) -> &str {
        &self.0.detail
    }

    pub(crate) fn method_not_allowed() -> Self {
        let mut failure = Self::new(
            ErrorCode::Invalid,
            "this path does not take that method: see /api/v2/docs",
        );
        failure.0.status = StatusCode::METHOD_NOT_ALLOWED.as_u16();
        failure
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let mut failure = Self::new(refusal.code, refusal.detail);
        failure.0.violations = refusal
            .violations
            .into_iter()
            .map(|violation| ViolationView {
                field: violation.field,
                problem: violation.problem,
            })
            .collect();
        failure
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        if matches!(self.0.code, ErrorCode::Unavailable | ErrorCode::Overloaded) {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// A handler that panicked: said without its details, which are in the log.
#[allow(clippy::needless_pass_by_value, reason = "the layer gives it away")]
pub(crate) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    tracing::error!(panic = text, "a request handler panicked");
    Failure::new(ErrorCode::Internal, "a fault of the server: see its log").into_response()
}

/// Counts and times of requests.
#[derive(Debug)]
pub(crate) struct Metrics {
    requests: Family<Labels, Counter>,
    seconds: Family<PathLabel, Histogram, fn() -> Histogram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    method: String,
    path: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PathLabel {
    path: String,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 2.0, 14))),
        };
        registry.register(
            "http_requests",
            "HTTP requests, by path and status",
            metrics.requests.clone(),
        );
        registry.register(
            "http_request_seconds",
            "Time to the first byte of the answer",
            metrics.seconds.clone(),
        );
        metrics
    }
}

/// The last layer: writes problem documents, adds the request id, counts.
pub(crate) async fn finish(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = Uuid::now_v7().simple().to_string();
    let method = request.method().to_string();
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("(none)", MatchedPath::as_str)
        .to_owned();
    let mut response = next.run(request).await;
    if response.status().is_client_error() || response.status().is_server_error() {
        response = write_problem(response, &id);
    }
    let status = response.status().as_u16();
    tracing::debug!(request = id, method, path, status, took = ?begun.elapsed(), "answered");
    metrics
        .seconds
        .get_or_create(&PathLabel { path: path.clone() })
        .observe(begun.elapsed().as_secs_f64());
    metrics.requests.get_or_create(&Labels { method, path, status }).inc();
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// Also what a layer answered by itself, such as a time-out, becomes a document.
fn write_problem(response: Response, id: &str) -> Response {
    let is_ours = response.extensions().get::<Failure>().is_some();
    let written = response.headers().contains_key(header::CONTENT_TYPE);
    if written && !is_ours {
        return response;
    }
    let (mut parts, _) = response.into_parts();
    let mut problem = match parts.extensions.remove::<Failure>() {
        Some(failure) => *failure.0,
        None => by_status(parts.status),
    };
    problem.request_id = Some(id.to_owned());
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts
        .headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    Response::from_parts(parts, Body::from(body))
}

fn by_status(status: StatusCode) -> Problem {
    let code = ErrorCode::ALL
        .iter()
        .copied()
        .find(|code| code.http() == status.as_u16());
    let code = code.unwrap_or(if status.is_server_error() {
        ErrorCode::Internal
    } else {
        ErrorCode::Invalid
    });
    let mut problem = Problem::new(code, code.meaning());
    problem.status = status.as_u16();
    problem
}
