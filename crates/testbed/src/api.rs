//! A client of `/api/v2` that tests use as a user would.

use std::time::Duration;

use flow_api::{AssignmentView, EventView, Page, PartyView, Problem, RunView, TaskView, TemplateView, Why};
use flow_domain::{RunId, RunState};
use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

use crate::within;

/// A client.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    base: String,
}

/// An answer that was not what was asked for.
#[derive(Debug)]
pub struct Refused {
    /// The HTTP status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// What it says.
    pub problem: Problem,
}

impl Api {
    /// A client of the server at `base`, such as `http://127.0.0.1:1235`.
    #[must_use]
    pub fn new(base: &str) -> Self {
        flow_daemon::tls::install_crypto();
        Self {
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            base: base.to_owned(),
        }
    }

    /// A request to a path under `/api/v2`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}/api/v2{path}", self.base));
        request.timeout(Duration::from_secs(60))
    }

    /// Sends it; answers the JSON of a success, or the problem.
    pub async fn send(&self, request: RequestBuilder) -> Result<Value, Refused> {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        if status.is_success() {
            return Ok(serde_json::from_str(&text).unwrap_or(Value::Null));
        }
        let problem = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{status} is no problem document ({error}): {text}"));
        Err(Refused {
            status,
            headers,
            problem,
        })
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Result<Value, Refused> {
        self.send(self.request(Method::GET, path)).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Refused> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// Makes a template.
    pub async fn template(&self, spec: &Value) -> TemplateView {
        read(self.post("/templates", spec).await)
    }

    /// Makes a task.
    pub async fn task(&self, spec: &Value) -> TaskView {
        read(self.post("/tasks", spec).await)
    }

    /// Starts a task.
    pub async fn start(&self, task: &str) -> RunView {
        read(self.post(&format!("/tasks/{task}/runs"), &json!({})).await)
    }

    /// A run.
    pub async fn run(&self, id: RunId) -> RunView {
        read(self.get(&format!("/runs/{id}")).await)
    }

    /// Asks for the end of a run.
    pub async fn cancel(&self, id: RunId) -> RunView {
        read(self.post(&format!("/runs/{id}/cancel"), &json!({})).await)
    }

    /// Why a run is as it is.
    pub async fn why(&self, id: RunId) -> Why {
        read(self.get(&format!("/runs/{id}/why")).await)
    }

    /// A run's assignments.
    pub async fn assignments(&self, id: RunId) -> Vec<AssignmentView> {
        read::<Page<AssignmentView>>(self.get(&format!("/runs/{id}/assignments")).await).items
    }

    /// A run's first 500 events.
    pub async fn events(&self, id: RunId) -> Vec<EventView> {
        read::<Page<EventView>>(self.get(&format!("/runs/{id}/events?limit=500")).await).items
    }

    /// All parties.
    pub async fn parties(&self) -> Vec<PartyView> {
        read::<Page<PartyView>>(self.get("/parties?limit=500").await).items
    }

    /// Waits until the run is over.
    pub async fn finished(&self, id: RunId, limit: Duration) -> RunView {
        within(limit, &format!("the end of run {id}"), async || {
            let run = self.run_if_there(id).await?;
            run.state.is_terminal().then_some(run)
        })
        .await
    }

    /// Waits until the run is in a state, or fails if it ends in another.
    pub async fn reaches(&self, id: RunId, state: RunState, limit: Duration) -> RunView {
        within(limit, &format!("run {id} to be {state}"), async || {
            let run = self.run_if_there(id).await?;
            assert!(
                run.state == state || !run.state.is_terminal(),
                "run is {} ({}: {}) and not {state}",
                run.state,
                run.reason,
                run.message
            );
            (run.state == state).then_some(run)
        })
        .await
    }

    /// The run, unless the server is away for now.
    pub async fn run_if_there(&self, id: RunId) -> Option<RunView> {
        let answer = self.request(Method::GET, &format!("/runs/{id}")).send().await.ok()?;
        answer.json().await.ok()
    }
}

fn read<T: serde::de::DeserializeOwned>(answer: Result<Value, Refused>) -> T {
    let value = answer.unwrap_or_else(|refused| panic!("refused: {refused:?}"));
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"))
}
