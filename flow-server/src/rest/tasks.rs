//! `/tasks`.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use flow_api::{Page, Problem, TaskView};
use flow_domain::{TaskId, TaskSpec, task::Task};
use flow_rest::{Failure, Params, Part};

use super::{
    App,
    extract::{Body, Creating, IfMatch},
    templates::{Paging, etag, page},
};

fn one(status: StatusCode, task: Task) -> Response {
    let tag = etag(task.revision);
    (status, [tag], Json(TaskView::from(task))).into_response()
}

/// Makes a task.
#[utoipa::path(post, path = "/tasks", tag = "tasks", request_body = TaskSpec,
    params(("idempotency-key" = Option<String>, Header, description = "a repeated key answers what the first one made")),
    responses((status = 201, body = TaskView), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn create(State(app): State<App>, new: Creating<TaskSpec>) -> Result<Response, Failure> {
    let task = app.services.create_task(new.body, new.claim.as_ref()).await?;
    let place = (header::LOCATION, format!("/api/v2/tasks/{}", task.id));
    Ok(([place], one(StatusCode::CREATED, task)).into_response())
}

/// Lists tasks, newest first.
#[utoipa::path(get, path = "/tasks", tag = "tasks", params(Paging),
    responses((status = 200, body = Page<TaskView>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(app): State<App>,
    Params(paging): Params<Paging>,
) -> Result<Json<Page<TaskView>>, Failure> {
    let (limit, after) = (paging.limit(), paging.cursor::<TaskId>()?);
    let found = app.services.store.tasks(paging.name.as_deref(), after, limit + 1).await;
    let found = found.map_err(crate::service::Refusal::from)?;
    Ok(page(found, limit, |task: &Task| task.id.to_string()))
}

/// Shows a task.
#[utoipa::path(get, path = "/tasks/{task}", tag = "tasks", params(("task" = String, Path, description = "id or name")),
    responses((status = 200, body = TaskView), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn get(State(app): State<App>, Part(task): Part<String>) -> Result<Response, Failure> {
    Ok(one(StatusCode::OK, app.services.task(&task).await?))
}

/// Changes a task: a new revision.
#[utoipa::path(put, path = "/tasks/{task}", tag = "tasks", request_body = TaskSpec,
    params(("task" = String, Path, description = "id or name"), ("if-match" = Option<String>, Header, description = "the ETag that it must still have")),
    responses((status = 200, body = TaskView), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn change(
    State(app): State<App>,
    Part(task): Part<String>,
    IfMatch(expected): IfMatch,
    Body(spec): Body<TaskSpec>,
) -> Result<Response, Failure> {
    Ok(one(
        StatusCode::OK,
        app.services.change_task(&task, spec, expected).await?,
    ))
}

/// Deletes a task that no unfinished run executes.
#[utoipa::path(delete, path = "/tasks/{task}", tag = "tasks",
    params(("task" = String, Path, description = "id or name"), ("if-match" = Option<String>, Header, description = "the ETag that it must still have")),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn delete(
    State(app): State<App>,
    Part(task): Part<String>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Failure> {
    app.services.delete_task(&task, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
