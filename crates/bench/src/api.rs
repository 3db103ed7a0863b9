//! Clients of the REST APIs.

use std::{net::SocketAddr, time::Duration};

use flow_api::{EventView, Page, RunView};
use reqwest::{Client, RequestBuilder};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::Outcome;

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A client of `/api/v2`; cheap to clone, and its clones share connections.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    http: Client,
    base: String,
}

impl Api {
    /// A client of the server there.
    pub(crate) fn new(rest: SocketAddr) -> Outcome<Self> {
        Ok(Self {
            http: Client::builder().no_proxy().timeout(LIMIT).build()?,
            base: format!("http://{rest}/api/v2"),
        })
    }

    /// GET.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Outcome<T> {
        read(path, self.http.get(format!("{}{path}", self.base))).await
    }

    /// PUT of a document.
    pub(crate) async fn put<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Outcome<T> {
        read(path, self.http.put(format!("{}{path}", self.base)).json(body)).await
    }

    /// POST of a document.
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Outcome<T> {
        read(path, self.http.post(format!("{}{path}", self.base)).json(body)).await
    }

    /// Starts a task, by name or id.
    pub(crate) async fn start(&self, task: &str) -> Outcome<RunView> {
        self.post(&format!("/tasks/{task}/runs"), &json!({})).await
    }

    /// A run.
    pub(crate) async fn run(&self, id: &str) -> Outcome<RunView> {
        self.get(&format!("/runs/{id}")).await
    }

    /// A run's first 500 events.
    pub(crate) async fn events(&self, id: &str) -> Outcome<Vec<EventView>> {
        let page: Page<EventView> = self.get(&format!("/runs/{id}/events?limit=500")).await?;
        Ok(page.items)
    }

    /// How many runs are in a state, up to `most`.
    pub(crate) async fn count(&self, state: &str, most: usize) -> Outcome<usize> {
        let (mut count, mut cursor) = (0, String::new());
        while count < most {
            let page: Page<Value> = self.get(&format!("/runs?state={state}&limit=500{cursor}")).await?;
            count += page.items.len();
            match page.next {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        Ok(count)
    }
}

/// A client of `/api/v1`.
#[derive(Debug, Clone)]
pub(crate) struct Legacy {
    http: Client,
    base: String,
}

/// What every answer there is in.
#[derive(Deserialize)]
struct Envelope<T> {
    ret_code: u32,
    ret_msg: String,
    data: Option<T>,
}

impl Legacy {
    /// A client of the listener there.
    pub(crate) fn new(listener: SocketAddr) -> Outcome<Self> {
        Ok(Self {
            http: Client::builder().no_proxy().timeout(LIMIT).build()?,
            base: format!("http://{listener}/api/v1"),
        })
    }

    /// GET; answers the data.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Outcome<Option<T>> {
        unwrap(path, self.http.get(format!("{}{path}", self.base))).await
    }

    /// POST of a document; answers the data, where there is any.
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Outcome<Option<T>> {
        unwrap(path, self.http.post(format!("{}{path}", self.base)).json(body)).await
    }
}

async fn unwrap<T: DeserializeOwned>(path: &str, request: RequestBuilder) -> Outcome<Option<T>> {
    let answer: Envelope<T> = read(path, request).await?;
    match answer.ret_code {
        0 => Ok(answer.data),
        code => Err(format!("{path}: {code}: {}", answer.ret_msg).into()),
    }
}

async fn read<T: DeserializeOwned>(path: &str, request: RequestBuilder) -> Outcome<T> {
    let answer = request.send().await?;
    let (status, text) = (answer.status(), answer.text().await?);
    if !status.is_success() {
        return Err(format!("{path}: {status}: {text}").into());
    }
    Ok(serde_json::from_str(&text)?)
}
