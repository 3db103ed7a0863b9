//! `/assignments/{assignment}/logs`: what a job wrote, in the form that the server shows logs in.

use axum::{extract::State, http::HeaderMap, response::Response};
use flow_agent::journal::Entry;
use flow_api::{LogLineView, Problem};
use flow_daemon::error::chain;
use flow_domain::{AssignmentId, ErrorCode, PartyId, Timestamp};
use flow_launcher::{LaunchError, LogLine, LogQuery as Query, Stream};
use flow_rest::{Failure, Params, Part, log_lines};
use futures::StreamExt;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{App, assignments::find};

/// How many lines from the end, unless asked for otherwise, and the most that may be asked for.
const TAIL: usize = 100;
const MAX_TAIL: usize = 10_000;

/// The most text that one request is sent, in bytes, unless it follows.
const MAX_BYTES: u64 = 16 << 20;

/// How much of the log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct LogQuery {
    /// How many lines from the end; 100 if absent, never more than 10000.
    tail: Option<usize>,
    /// Only lines from then on.
    #[param(value_type = Option<String>)]
    since: Option<Timestamp>,
    /// Of the container before its last restart, where the party runs containers that restart.
    #[serde(default)]
    previous: bool,
    /// Whether to go on until the job has ended.
    #[serde(default)]
    follow: bool,
}

/// The log of an assignment. Text, or with `Accept: application/x-ndjson` one JSON object a line.
#[utoipa::path(get, path = "/assignments/{assignment}/logs", tag = "assignments", params(("assignment" = AssignmentId, Path), LogQuery),
    responses((status = 200, content((String = "text/plain"), (LogLineView = "application/x-ndjson"))), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn logs(
    State(app): State<App>,
    Part(id): Part<String>,
    Params(query): Params<LogQuery>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let entry = find(&app, &id).await?;
    if let Some(at) = entry.purged_at {
        let detail = format!(
            "its log was removed at {at}: agent.process.keep, or agent.kubernetes.keep, says how many are kept"
        );
        return Err(Failure::new(ErrorCode::NotFound, detail));
    }
    let lines = app.agent.log(entry.id, part(&query));
    let lines = lines.map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))?;
    let (party, role) = (app.agent.party().clone(), role(entry));
    let lines = lines.map(move |line| shown(line, &party, &role));
    Ok(log_lines(&headers, lines.take_until(app.end.cancelled_owned())))
}

fn part(query: &LogQuery) -> Query {
    Query {
        tail: Some(query.tail.unwrap_or(TAIL).min(MAX_TAIL)),
        since: query.since.map(Timestamp::micros),
        previous: query.previous,
        follow: query.follow,
        max_bytes: (!query.follow).then_some(MAX_BYTES),
    }
}

/// All of a log that may be asked for at once.
pub(super) fn whole() -> Query {
    Query {
        tail: Some(MAX_TAIL),
        since: None,
        previous: false,
        follow: false,
        max_bytes: Some(MAX_BYTES),
    }
}

fn role(entry: Entry) -> String {
    entry.asked.map(|asked| asked.role).unwrap_or_default()
}

fn shown(line: Result<LogLine, LaunchError>, party: &PartyId, role: &str) -> LogLineView {
    let (at, stderr, text) = match line {
        Ok(line) => (line.at_micros, line.stream == Stream::Stderr, line.text),
        Err(error) => (0, true, format!("(flow: {})", chain(&error))),
    };
    LogLineView {
        at: Timestamp(at),
        party: party.clone(),
        role: role.to_owned(),
        stderr,
        text,
    }
}
