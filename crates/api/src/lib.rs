//! The types of the REST API `/api/v2`, as server and clients share them; those of `/api/v1` are in [`legacy`].

pub mod legacy;
mod page;
mod party;
mod problem;
mod run;
mod stored;

pub use flow_domain::why::{Link, Why};

pub use self::{
    page::Page,
    party::PartyView,
    problem::{PROBLEM_JSON, Problem, ViolationView},
    run::{AssignmentView, EventView, LogLineView, RunView},
    stored::{TaskView, TemplateView},
};

/// Requests that create something may carry this header; a repeated key answers what the first one did.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The media type of logs as one JSON object a line.
pub const NDJSON: &str = "application/x-ndjson";
