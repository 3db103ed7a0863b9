//! Errors, as handlers answer them.

use std::any::Any;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use flow_api::{Problem, ViolationView};
use flow_domain::ErrorCode;

/// How long a client is asked to wait when something is away, in seconds.
pub const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

/// A handler's error. [`finish`](crate::finish) turns it into a document.
#[derive(Debug, Clone)]
pub struct Failure(pub(crate) Box<Problem>);

impl Failure {
    /// An error of that kind: what happened, and what to do next.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem::new(code, detail)))
    }

    /// A field that broke a rule.
    pub fn violation(field: impl Into<String>, problem: impl Into<String>) -> Self {
        let (field, problem) = (field.into(), problem.into());
        let mut failure = Self::new(ErrorCode::Invalid, format!("{field}: {problem}"));
        failure.0.violations.push(ViolationView { field, problem });
        failure
    }

    /// The rules that were broken, each with its field.
    #[must_use]
    pub fn with(mut self, violations: impl IntoIterator<Item = ViolationView>) -> Self {
        self.0.violations.extend(violations);
        self
    }

    /// A method that a path does not take; `docs` is where it says which it does.
    pub fn method_not_allowed(docs: &str) -> Self {
        let detail = format!("this path does not take that method: see {docs}");
        let mut failure = Self::new(ErrorCode::Invalid, detail);
        failure.0.status = StatusCode::METHOD_NOT_ALLOWED.as_u16();
        failure
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What happened, and what to do next.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
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
pub fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    tracing::error!(panic = text, "a request handler panicked");
    Failure::new(ErrorCode::Internal, "a fault of this program: see its log").into_response()
}
