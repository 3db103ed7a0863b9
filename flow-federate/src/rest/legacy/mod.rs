//! `/api/v1`: what clients of Iflearner Flow ask a party. Every answer is an envelope with HTTP 200, also a refusal.

mod task;

use axum::{
    Json,
    extract::{FromRequestParts, Path, Query, State},
    response::{IntoResponse, Response},
};
use flow_agent::journal::{Entry, Filter};
use flow_api::legacy::{Envelope, LogsView, RetCode, TasksView};
use flow_daemon::error::chain;
use flow_domain::{TaskId, profile::Placement};
use flow_proto::v1::{TaskPage, TaskQuery};
use futures::StreamExt;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{App, logs::whole};

/// The largest page.
const MOST: u32 = 100;

/// How many of a task's newest assignments are looked through for one with data.
const LOOK: u64 = 50;

/// Why there is no answer: the code, and what is the matter.
#[derive(Debug)]
pub(super) struct Denied(RetCode, String);

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        Json(Envelope::refused(self.0, self.1)).into_response()
    }
}

impl Denied {
    fn invalid(problem: impl AsRef<str>) -> Self {
        let code = RetCode::ParamInvalid;
        Self(code, format!("{}: {}", code.message(), problem.as_ref()))
    }

    fn failed(problem: impl AsRef<str>) -> Self {
        let code = RetCode::ServerFailed;
        Self(code, format!("{}: {}", code.message(), problem.as_ref()))
    }
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(default)]
pub(super) struct Paging {
    /// From 1.
    page: u32,
    /// How many to a page, 100 at most.
    limit: u32,
}

impl Default for Paging {
    fn default() -> Self {
        Self { page: 1, limit: 10 }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Paging {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, state: &S) -> Result<Self, Denied> {
        let read = Query::<Self>::from_request_parts(parts, state).await;
        let Query(paging) = read.map_err(|error| Denied::invalid(error.body_text()))?;
        if paging.page == 0 {
            return Err(Denied::invalid("page: from 1"));
        }
        if !(1..=MOST).contains(&paging.limit) {
            return Err(Denied::invalid(format!("limit: from 1 to {MOST}")));
        }
        Ok(paging)
    }
}

/// Lists the tasks in which this party takes part, newest first. The server is asked for them.
#[utoipa::path(get, path = "/task", tag = "v1", params(Paging), responses((status = 200, body = Envelope<TasksView>)))]
pub(super) async fn tasks(State(app): State<App>, paging: Paging) -> Result<Json<Envelope<TasksView>>, Denied> {
    let query = TaskQuery {
        page: paging.page,
        limit: paging.limit,
        ..TaskQuery::default()
    };
    let page = ask(&app, query).await?;
    let tasks = page.tasks.into_iter().map(task::view);
    let view = TasksView {
        tasks: tasks.collect::<Result<_, _>>().map_err(Denied::failed)?,
        task_count: page.count,
    };
    Ok(Json(Envelope::of(view)))
}

/// The log of this party's newest part with data in a task.
#[utoipa::path(get, path = "/task/{task_id}/logs", tag = "v1", params(("task_id" = String, Path)),
    responses((status = 200, body = Envelope<LogsView>)))]
pub(super) async fn logs(
    State(app): State<App>,
    Path(task_id): Path<String>,
) -> Result<Json<Envelope<LogsView>>, Denied> {
    let mut newest = match task_id.parse::<TaskId>() {
        Ok(task) => newest(&app, task).await?,
        Err(_) => None,
    };
    if newest.is_none() {
        // Not here yet, of another name before it was imported, or of none.
        let query = TaskQuery {
            task: task_id,
            ..TaskQuery::default()
        };
        let page = ask(&app, query).await?;
        let id = page.tasks.first().and_then(|task| task.id.parse().ok());
        if let Some(task) = id {
            newest = self::newest(&app, task).await?;
        }
    }
    let mut logs = Vec::new();
    if let Some(entry) = newest.filter(|entry| entry.purged_at.is_none()) {
        let lines = app.agent.log(entry.id, whole());
        let mut lines = lines.map_err(|error| Denied::failed(chain(&error)))?;
        while let Some(line) = lines.next().await {
            logs.push(line.map_err(|error| Denied::failed(chain(&error)))?.text);
        }
    }
    Ok(Json(Envelope::of(LogsView { logs })))
}

/// This party's newest assignment with data in a task.
async fn newest(app: &App, task: TaskId) -> Result<Option<Entry>, Denied> {
    let filter = Filter {
        task: Some(task),
        ..Filter::default()
    };
    let found = app.agent.journal().assignments(&filter, LOOK).await;
    let found = found.map_err(|error| Denied::failed(chain(&error)))?;
    let has_data = |entry: &Entry| {
        let asked = entry.asked.as_ref();
        asked.is_some_and(|asked| asked.placement == Placement::EachParty)
    };
    Ok(found.into_iter().find(has_data))
}

/// Asks the server.
async fn ask(app: &App, query: TaskQuery) -> Result<TaskPage, Denied> {
    let page = app.agent.ask_tasks(query).await;
    answered(page.map_err(|error| Denied::failed(error.to_string()))?)
}

/// What the server answered: away is one thing, and what it refuses another.
fn answered(page: TaskPage) -> Result<TaskPage, Denied> {
    match RetCode::of_number(page.code) {
        Some(RetCode::Success) => Ok(page),
        Some(RetCode::TaskNotFound) => Err(Denied(RetCode::TaskNotFound, page.error)),
        Some(RetCode::ServerFailed) => Err(Denied::failed(page.error)),
        _ => {
            let code = RetCode::ServerRefused;
            Err(Denied(
                code,
                format!("{} ({}): {}", code.message(), page.code, page.error),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_failed_and_one_that_refused_are_told_apart() {
        let code = |number| {
            let page = TaskPage {
                code: number,
                error: "so it is".to_owned(),
                ..TaskPage::default()
            };
            answered(page).map_err(|denied| (denied.0.number(), denied.1)).err()
        };
        assert_eq!(code(0), None);
        assert_eq!(code(20100), Some((20100, "server internal error: so it is".to_owned())));
        assert_eq!(code(10300), Some((10300, "so it is".to_owned())));
        for refused in [10000, 31415] {
            let message = format!("server answered a ret_code ({refused}): so it is");
            assert_eq!(code(refused), Some((20101, message)));
        }
    }
}
