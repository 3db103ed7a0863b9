//! `/assignments`: the journal.

use axum::{Json, extract::State};
use flow_agent::journal::{After, Entry, Filter};
use flow_api::{Page, Problem};
use flow_domain::{AssignmentId, AssignmentState, ErrorCode, RunId, TaskId, Timestamp};
use flow_rest::{Failure, Params, Part};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    App, unreadable,
    views::{AssignmentDetail, AssignmentView, EventView},
};

/// How many to a page, unless asked for otherwise, and the most that may be asked for.
const PAGE: u64 = 50;
const LARGEST_PAGE: u64 = 500;

/// Which assignments, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct AssignmentQuery {
    /// Of this run.
    #[param(value_type = Option<String>)]
    run: Option<RunId>,
    /// Of this task.
    #[param(value_type = Option<String>)]
    task: Option<TaskId>,
    /// In this state.
    state: Option<AssignmentState>,
    /// At most so many; 50 if absent, never more than 500.
    limit: Option<u64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Which page of events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct EventQuery {
    /// At most so many; 50 if absent, never more than 500.
    limit: Option<u64>,
    /// The `next` of the page before.
    cursor: Option<u64>,
}

fn size(limit: Option<u64>) -> u64 {
    limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE)
}

/// One page of what was found, of which one more than fits was asked for.
fn page<F, T: From<F>, C: ToString>(mut found: Vec<F>, limit: u64, cursor: impl Fn(&F) -> C) -> Page<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    Page {
        next: found.last().filter(|_| more).map(|last| cursor(last).to_string()),
        items: found.into_iter().map(T::from).collect(),
    }
}

fn cursor_of(entry: &Entry) -> String {
    format!("{}-{}", entry.given_at.micros(), entry.id)
}

fn after(cursor: &str) -> Result<After, Failure> {
    let read = || {
        let (at, id) = cursor.split_once('-')?;
        Some(After {
            given_at: Timestamp(at.parse().ok()?),
            id: id.parse().ok()?,
        })
    };
    read().ok_or_else(|| Failure::violation("cursor", "give the `next` of the page before, as it was"))
}

pub(super) async fn find(app: &App, id: &str) -> Result<Entry, Failure> {
    let known = match id.parse::<AssignmentId>() {
        Ok(id) => app
            .agent
            .journal()
            .assignment(id)
            .await
            .map_err(|error| unreadable(&error))?,
        Err(_) => None,
    };
    known.ok_or_else(|| {
        let id: String = id.chars().take(80).collect();
        Failure::new(
            ErrorCode::NotFound,
            format!("this party's journal has no assignment '{id}'"),
        )
    })
}

/// Lists what was asked of this party, newest first.
#[utoipa::path(get, path = "/assignments", tag = "assignments", params(AssignmentQuery),
    responses((status = 200, body = Page<AssignmentView>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(app): State<App>,
    Params(query): Params<AssignmentQuery>,
) -> Result<Json<Page<AssignmentView>>, Failure> {
    let limit = size(query.limit);
    let filter = Filter {
        run: query.run,
        task: query.task,
        state: query.state,
        after: query.cursor.as_deref().map(after).transpose()?,
    };
    let found = app.agent.journal().assignments(&filter, limit + 1).await;
    let found = found.map_err(|error| unreadable(&error))?;
    Ok(Json(page(found, limit, cursor_of)))
}

/// Shows an assignment.
#[utoipa::path(get, path = "/assignments/{assignment}", tag = "assignments", params(("assignment" = AssignmentId, Path)),
    responses((status = 200, body = AssignmentDetail), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn get(State(app): State<App>, Part(id): Part<String>) -> Result<Json<AssignmentDetail>, Failure> {
    let entry = find(&app, &id).await?;
    let spec = app.agent.journal().spec(entry.id).await;
    let spec = spec.map_err(|error| unreadable(&error))?;
    Ok(Json(AssignmentDetail::new(entry, spec)))
}

/// Lists what happened to an assignment, oldest first.
#[utoipa::path(get, path = "/assignments/{assignment}/events", tag = "assignments", params(("assignment" = AssignmentId, Path), EventQuery),
    responses((status = 200, body = Page<EventView>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn events(
    State(app): State<App>,
    Part(id): Part<String>,
    Params(query): Params<EventQuery>,
) -> Result<Json<Page<EventView>>, Failure> {
    let entry = find(&app, &id).await?;
    let (limit, after) = (size(query.limit), query.cursor.unwrap_or(0));
    let found = app.agent.journal().events(entry.id, after, limit + 1).await;
    let found = found.map_err(|error| unreadable(&error))?;
    Ok(Json(page(found, limit, |event| event.sequence)))
}
