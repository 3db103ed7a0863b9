//! What every response gets: a request id, a count, a line in the log; and errors become documents.

use std::{sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};
use flow_api::{PROBLEM_JSON, Problem};
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

use crate::Failure;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Counts and times of requests.
#[derive(Debug)]
pub struct Metrics {
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
    /// Counts for that registry.
    pub fn register(registry: &mut Registry) -> Self {
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
pub async fn finish(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
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
