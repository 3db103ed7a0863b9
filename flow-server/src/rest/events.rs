//! `/runs/{run}/events`: what happened, as a page or as server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header},
    response::{
        IntoResponse, Response,
        sse::{Event as Sse, KeepAlive, Sse as SseResponse},
    },
};
use flow_api::{EventView, Page, Problem};
use flow_domain::{RunId, gang::Gang};
use flow_rest::{Failure, Params, Part};
use futures::Stream;
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use utoipa::IntoParams;

use super::{App, templates::page_size};
use crate::{service::Refusal, store::StoredEvent};

/// How many events are read at a time, and how often a stream looks by itself.
const BATCH: u64 = 200;
const LOOK: Duration = Duration::from_secs(5);

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct EventQuery {
    /// Only those after this sequence number.
    after: Option<u64>,
    /// At most so many; 50 if absent, never more than 500. Not for streams.
    limit: Option<u64>,
}

/// What happened to a run, oldest first. With `Accept: text/event-stream` a stream that goes on until the run is over; it resumes
/// after `Last-Event-ID`, and closes with an event named `end`.
#[utoipa::path(get, path = "/runs/{run}/events", tag = "runs", params(("run" = RunId, Path), EventQuery),
    responses((status = 200, content((Page<EventView> = "application/json"), (String = "text/event-stream"))), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn events(
    State(app): State<App>,
    Part(run): Part<RunId>,
    Params(query): Params<EventQuery>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let gang = app.services.gang(run).await?;
    let wants_stream = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/event-stream"));
    if wants_stream {
        let last = headers
            .get("last-event-id")
            .and_then(|id| id.to_str().ok()?.parse().ok());
        let after = last.or(query.after).unwrap_or(0);
        let stream = SseResponse::new(stream(app, run, after)).keep_alive(KeepAlive::default());
        return Ok(stream.into_response());
    }
    let limit = page_size(query.limit);
    let found = app
        .services
        .store
        .events(run, query.after.unwrap_or(0), limit + 1)
        .await;
    let mut found = found.map_err(Refusal::from)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|event| event.sequence.to_string());
    let items = found.into_iter().map(|event| view(&gang, event)).collect();
    Ok(Json(Page { items, next }).into_response())
}

fn view(gang: &Gang, stored: StoredEvent) -> EventView {
    let event = stored.event;
    let assignment = event
        .assignment
        .and_then(|id| gang.assignments.iter().find(|a| a.id == id));
    EventView {
        sequence: stored.sequence,
        at: event.at,
        assignment: event.assignment,
        role: assignment.map(|a| a.role.clone()),
        party: assignment.map(|a| a.party.clone()),
        state: event.state,
        reason: event.reason,
        message: event.message,
    }
}

fn stream(app: App, run: RunId, mut after: u64) -> impl Stream<Item = Result<Sse, Infallible>> {
    async_stream::stream! {
        let mut changes = app.services.engine.changes();
        loop {
            // The state is read first: if it is final, all events are there already.
            let Ok(gang) = app.services.gang(run).await else { return };
            let Ok(found) = app.services.store.events(run, after, BATCH).await else { return };
            let full = found.len() as u64 == BATCH;
            for event in found {
                after = event.sequence;
                let id = event.sequence.to_string();
                match Sse::default().event("event").id(id).json_data(view(&gang, event)) {
                    Ok(event) => yield Ok(event),
                    Err(_) => return,
                }
            }
            if full {
                continue;
            }
            if gang.run.state.is_terminal() {
                yield Ok(Sse::default().event("end").data(gang.run.state.to_string()));
                return;
            }
            loop {
                let changed = tokio::select! {
                    () = app.end.cancelled() => return,
                    changed = changes.recv() => changed,
                    // Should a change ever get lost on the way, this finds it.
                    () = tokio::time::sleep(LOOK) => break,
                };
                match changed {
                    Ok(changed) if changed != run => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return,
                }
            }
        }
    }
}
