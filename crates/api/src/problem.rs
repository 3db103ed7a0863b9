//! Errors as RFC 9457 problem documents.

use flow_domain::ErrorCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of [`Problem`].
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What went wrong (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Names the kind of problem: `urn:iflearner-flow:error:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time, and what to do next.
    pub detail: String,
    /// The code, for programs.
    pub code: ErrorCode,
    /// The id of the request, to be found in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Every field that broke a rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<ViolationView>,
}

impl Problem {
    /// A problem of that code.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:iflearner-flow:error:{code}"),
            title: code.meaning().to_owned(),
            status: code.http(),
            detail: detail.into(),
            code,
            request_id: None,
            violations: Vec::new(),
        }
    }
}

/// One rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ViolationView {
    /// The field, as a path like `participants[1].party`.
    pub field: String,
    /// What is wrong and what would be right.
    pub problem: String,
}
