//! `/task`.

use axum::extract::State;
use flow_api::legacy::{Envelope, Nothing, TaskMade, TaskView, TasksView};

use super::{
    App,
    answer::{Answer, Body, Id, Optional, Paging, done, with},
};
use crate::service::legacy::{StartBody, TaskBody};

/// Makes a task.
#[utoipa::path(post, path = "/task", tag = "task", request_body = TaskBody, responses((status = 200, body = Envelope<TaskMade>)))]
pub(super) async fn create(State(app): State<App>, Body(body): Body<TaskBody>) -> Answer<TaskMade> {
    let task_id = app.services.legacy_create_task(&body).await?;
    with(TaskMade { task_id })
}

/// Lists tasks, newest first.
#[utoipa::path(get, path = "/task", tag = "task", params(Paging), responses((status = 200, body = Envelope<TasksView>)))]
pub(super) async fn list(State(app): State<App>, paging: Paging) -> Answer<TasksView> {
    let party = paging.federated_id.as_deref().filter(|party| !party.is_empty());
    with(app.services.legacy_tasks(party, paging.number()?).await?)
}

/// Shows a task.
#[utoipa::path(get, path = "/task/{task_id}", tag = "task", params(("task_id" = String, Path)),
    responses((status = 200, body = Envelope<TaskView>)))]
pub(super) async fn get(State(app): State<App>, Id(id): Id) -> Answer<TaskView> {
    with(app.services.legacy_show_task(&id).await?)
}

/// Changes a task.
#[utoipa::path(put, path = "/task/{task_id}", tag = "task", params(("task_id" = String, Path)), request_body = TaskBody,
    responses((status = 200, body = Envelope<Nothing>)))]
pub(super) async fn change(State(app): State<App>, Id(id): Id, Body(body): Body<TaskBody>) -> Answer<()> {
    done(app.services.legacy_change_task(&id, &body).await?)
}

/// Deletes a task that is not under way.
#[utoipa::path(delete, path = "/task/{task_id}", tag = "task", params(("task_id" = String, Path)),
    responses((status = 200, body = Envelope<Nothing>)))]
pub(super) async fn delete(State(app): State<App>, Id(id): Id) -> Answer<()> {
    done(app.services.legacy_delete_task(&id).await?)
}

/// Starts a task that is not under way.
#[utoipa::path(post, path = "/task/{task_id}/start", tag = "task", params(("task_id" = String, Path)),
    request_body(content = StartBody, description = "the defaults if there is none"), responses((status = 200, body = Envelope<Nothing>)))]
pub(super) async fn start(State(app): State<App>, Id(id): Id, Optional(body): Optional<StartBody>) -> Answer<()> {
    done(app.services.legacy_start(&id, &body).await?)
}

/// Stops a task that is under way.
#[utoipa::path(post, path = "/task/{task_id}/stop", tag = "task", params(("task_id" = String, Path)),
    responses((status = 200, body = Envelope<Nothing>)))]
pub(super) async fn stop(State(app): State<App>, Id(id): Id) -> Answer<()> {
    done(app.services.legacy_stop(&id).await?)
}
