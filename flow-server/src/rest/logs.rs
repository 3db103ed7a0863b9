//! `/runs/{run}/logs`: the members' logs, merged as they come in.

use std::sync::Arc;

use axum::{extract::State, http::HeaderMap, response::Response};
use flow_api::{LogLineView, Problem};
use flow_domain::{PartyId, RunId, Timestamp};
use flow_rest::{Failure, Params, Part, log_lines};
use futures::{Stream, StreamExt, stream};
use serde::Deserialize;
use utoipa::IntoParams;

use super::App;
use crate::engine::Engine;
use crate::hub::LogPart;
use crate::service::{LogSelection, MemberLog};

/// How many lines from the end, unless asked for otherwise, and the most that may be asked for.
const TAIL: u32 = 100;
const MAX_TAIL: u32 = 10_000;

/// Whose logs, and how much of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct LogQuery {
    /// Of this party.
    #[param(value_type = Option<String>)]
    party: Option<PartyId>,
    /// Of this role.
    role: Option<String>,
    /// Of this attempt; the newest if absent.
    attempt: Option<u32>,
    /// How many lines from the end; 100 if absent, never more than 10000.
    tail: Option<u32>,
    /// Only lines from then on.
    #[param(value_type = Option<String>)]
    since: Option<Timestamp>,
    /// Of the container before its last restart, where the party runs containers that restart.
    #[serde(default)]
    previous: bool,
    /// Whether to go on until the members have ended.
    #[serde(default)]
    follow: bool,
}

/// The logs of a run's members. Text, or with `Accept: application/x-ndjson` one JSON object a line.
#[utoipa::path(get, path = "/runs/{run}/logs", tag = "runs", params(("run" = RunId, Path), LogQuery),
    responses((status = 200, content((String = "text/plain"), (LogLineView = "application/x-ndjson"))), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn logs(
    State(app): State<App>,
    Part(run): Part<RunId>,
    Params(query): Params<LogQuery>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let selection = LogSelection {
        party: query.party,
        role: query.role,
        attempt: query.attempt,
        part: LogPart {
            tail: query.tail.unwrap_or(TAIL).min(MAX_TAIL),
            since: query.since,
            previous: query.previous,
            follow: query.follow,
        },
    };
    let members = app.services.logs(run, &selection).await?;
    let lines = stream::select_all(
        members
            .into_iter()
            .map(|member| Box::pin(lines(member, app.services.engine.clone()))),
    );
    Ok(log_lines(&headers, lines.take_until(app.end.cancelled_owned())))
}

fn lines(member: MemberLog, engine: Arc<Engine>) -> impl Stream<Item = LogLineView> + Send {
    async_stream::stream! {
        let MemberLog { assignment, reader } = member;
        let (party, role) = (assignment.party, assignment.role);
        let note = |text: String| LogLineView {
            at: engine.now(),
            party: party.clone(),
            role: role.clone(),
            stderr: true,
            text,
        };
        let Some(mut reader) = reader else {
            yield note(format!("(flow: the agent of {party} is not attached, so this log is not to be had now)"));
            return;
        };
        let mut last = false;
        while !last && let Some(chunk) = reader.next().await {
            last = chunk.last;
            for line in chunk.lines {
                yield LogLineView {
                    at: Timestamp(line.at_micros),
                    party: party.clone(),
                    role: role.clone(),
                    stderr: line.stderr,
                    text: line.text,
                };
            }
            if !chunk.error.is_empty() {
                yield note(format!("(flow: {})", chunk.error));
            }
        }
        if !last {
            yield note(format!("(flow: the agent of {party} went away, so this log breaks off here)"));
        }
    }
}
