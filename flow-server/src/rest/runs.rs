//! `/runs`.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use flow_api::{AssignmentView, Page, Problem, RunView, Why};
use flow_domain::{Run, RunId, RunState, approval::Judgement, run::StartOptions};
use flow_rest::{Failure, Params, Part};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    App,
    extract::{Body, Creating},
    templates::{page, page_size, parse_cursor},
};
use crate::{service::Refusal, store::RunFilter};

/// Which runs, and which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct RunQuery {
    /// Of this task, by id or name.
    task: Option<String>,
    /// In one of these states, separated by commas.
    state: Option<String>,
    /// At most so many; 50 if absent, never more than 500.
    limit: Option<u64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

fn view(app: &App, run: Run) -> RunView {
    let place = place(app, run.id);
    RunView {
        place,
        ..RunView::from(run)
    }
}

fn place(app: &App, run: RunId) -> Option<u64> {
    let place = app.services.engine.place(run)?;
    u64::try_from(place).ok()
}

/// Starts a task.
#[utoipa::path(post, path = "/tasks/{task}/runs", tag = "runs", request_body = Option<StartOptions>,
    params(("task" = String, Path, description = "id or name"), ("idempotency-key" = Option<String>, Header, description = "a repeated key answers what the first one made")),
    responses((status = 202, body = RunView), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn start(
    State(app): State<App>,
    Part(task): Part<String>,
    new: Creating<StartOptions>,
) -> Result<Response, Failure> {
    let run = app.services.start_run(&task, &new.body, new.claim.as_ref()).await?;
    let place = (header::LOCATION, format!("/api/v2/runs/{}", run.id));
    Ok((StatusCode::ACCEPTED, [place], Json(view(&app, run))).into_response())
}

/// Lists runs, newest first.
#[utoipa::path(get, path = "/runs", tag = "runs", params(RunQuery),
    responses((status = 200, body = Page<RunView>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(app): State<App>,
    Params(query): Params<RunQuery>,
) -> Result<Json<Page<RunView>>, Failure> {
    let mut filter = RunFilter {
        after: parse_cursor::<RunId>(query.cursor.as_deref())?,
        ..RunFilter::default()
    };
    if let Some(task) = &query.task {
        filter.task = Some(app.services.task(task).await?.id);
    }
    for name in query.state.iter().flat_map(|names| names.split(',')) {
        let known = || RunState::ALL.map(|state| state.to_string()).join(", ");
        let state = RunState::parse(name).ok_or_else(|| {
            Failure::violation(
                "state",
                format!("'{name}' is no state of a run (there are {})", known()),
            )
        })?;
        filter.states.push(state);
    }
    let limit = page_size(query.limit);
    let found = app
        .services
        .store
        .runs(&filter, limit + 1)
        .await
        .map_err(Refusal::from)?;
    let mut page: Json<Page<RunView>> = page(found, limit, |run: &Run| run.id.to_string());
    for run in &mut page.0.items {
        run.place = place(&app, run.id);
    }
    Ok(page)
}

/// Shows a run.
#[utoipa::path(get, path = "/runs/{run}", tag = "runs", params(("run" = RunId, Path)),
    responses((status = 200, body = RunView), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn get(State(app): State<App>, Part(run): Part<RunId>) -> Result<Json<RunView>, Failure> {
    let run = app.services.gang(run).await?.run;
    Ok(Json(view(&app, run)))
}

/// Asks for the end of a run. It is over when its state says so.
#[utoipa::path(post, path = "/runs/{run}/cancel", tag = "runs", params(("run" = RunId, Path)),
    responses((status = 202, body = RunView), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn cancel(
    State(app): State<App>,
    Part(run): Part<RunId>,
) -> Result<(StatusCode, Json<RunView>), Failure> {
    let run = app.services.cancel_run(run).await?;
    Ok((StatusCode::ACCEPTED, Json(view(&app, run))))
}

/// Approves a run that waits for it; once more changes nothing.
#[utoipa::path(post, path = "/runs/{run}/approve", tag = "runs", request_body = Option<Judgement>, params(("run" = RunId, Path)),
    responses((status = 202, body = RunView), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn approve(
    State(app): State<App>,
    Part(run): Part<RunId>,
    Body(judgement): Body<Judgement>,
) -> Result<(StatusCode, Json<RunView>), Failure> {
    judge(&app, run, true, &judgement).await
}

/// Rejects a run that waits for approval, with a comment that says why; once more changes nothing.
#[utoipa::path(post, path = "/runs/{run}/reject", tag = "runs", request_body = Judgement, params(("run" = RunId, Path)),
    responses((status = 202, body = RunView), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn reject(
    State(app): State<App>,
    Part(run): Part<RunId>,
    Body(judgement): Body<Judgement>,
) -> Result<(StatusCode, Json<RunView>), Failure> {
    judge(&app, run, false, &judgement).await
}

async fn judge(
    app: &App,
    run: RunId,
    granted: bool,
    judgement: &Judgement,
) -> Result<(StatusCode, Json<RunView>), Failure> {
    let run = app.services.judge_run(run, granted, judgement).await?;
    Ok((StatusCode::ACCEPTED, Json(view(app, run))))
}

/// Lists the assignments of all attempts, oldest first.
#[utoipa::path(get, path = "/runs/{run}/assignments", tag = "runs", params(("run" = RunId, Path)),
    responses((status = 200, body = Page<AssignmentView>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn assignments(
    State(app): State<App>,
    Part(run): Part<RunId>,
) -> Result<Json<Page<AssignmentView>>, Failure> {
    let gang = app.services.gang(run).await?;
    Ok(Json(Page {
        items: gang.assignments.into_iter().map(AssignmentView::from).collect(),
        next: None,
    }))
}

/// Says why the run is as it is: one answer out of run, assignments, exit codes and last log lines.
#[utoipa::path(get, path = "/runs/{run}/why", tag = "runs", params(("run" = RunId, Path)),
    responses((status = 200, body = Why), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn why(State(app): State<App>, Part(run): Part<RunId>) -> Result<Json<Why>, Failure> {
    Ok(Json(app.services.why(run).await?))
}
