//! flow-server in the cluster, as a user has it: through a forwarded port, which breaks when the pod goes, and comes back.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use flow_api::{AssignmentView, Page, RunView, Why};
use flow_domain::{RunId, RunState};
use flow_testbed::{Legacy, within};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    sync::watch,
    task::AbortHandle,
};

use crate::{PATIENCE, kubectl::Kubectl};

/// A client of the server in the cluster.
#[derive(Debug)]
pub(crate) struct Flow {
    http: reqwest::Client,
    base: watch::Receiver<String>,
    legacy: watch::Receiver<Option<SocketAddr>>,
    forward: AbortHandle,
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.forward.abort();
    }
}

/// Forwards ports to the server's pod, again and again: those of `/api/v2` and of `/api/v1`.
async fn forward(kubectl: Kubectl, base: watch::Sender<String>, legacy: watch::Sender<Option<SocketAddr>>) {
    loop {
        let mut command = kubectl.command("kubectl");
        command.args([
            "--namespace",
            "flow-center",
            "port-forward",
            "flow-server-0",
            ":1235",
            ":1234",
        ]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            // `Forwarding from 127.0.0.1:40123 -> 1235`
            let mut words = line.split_whitespace().skip(2);
            let (address, port) = (words.next(), words.nth(1));
            match (address.and_then(|address| address.parse::<SocketAddr>().ok()), port) {
                (Some(address), Some("1235")) if address.is_ipv4() => {
                    base.send_replace(format!("http://{address}"));
                }
                (Some(address), Some("1234")) if address.is_ipv4() => {
                    legacy.send_replace(Some(address));
                }
                _ => {}
            }
        }
        let _ = child.kill().await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

impl Flow {
    pub(crate) fn connect(kubectl: &Kubectl) -> Self {
        flow_daemon::tls::install_crypto();
        let (sender, base) = watch::channel(String::new());
        let (legacy_sender, legacy) = watch::channel(None);
        Self {
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            base,
            legacy,
            forward: tokio::spawn(forward(kubectl.clone(), sender, legacy_sender)).abort_handle(),
        }
    }

    /// A client of `/api/v1`.
    pub(crate) async fn legacy(&self) -> Legacy {
        let mut legacy = self.legacy.clone();
        let address = tokio::time::timeout(PATIENCE, legacy.wait_for(Option::is_some)).await;
        Legacy::new(address.unwrap().unwrap().unwrap())
    }

    /// Asks until there is an answer: the port breaks with the pod. Refusals are failures of the test.
    async fn ask(&self, path: &str, body: Option<&Value>) -> Value {
        serde_json::from_str(&self.text(path, body).await).unwrap()
    }

    async fn text(&self, path: &str, body: Option<&Value>) -> String {
        within(PATIENCE, &format!("an answer to {path}"), async || {
            let url = format!("{}/api/v2{path}", *self.base.borrow());
            let request = match body {
                Some(body) => self
                    .http
                    .post(url)
                    .json(body)
                    .header("idempotency-key", path.replace('/', "-")),
                None => self.http.get(url),
            };
            let answer = request.timeout(Duration::from_secs(10)).send().await.ok()?;
            let status = answer.status();
            let text = answer.text().await.ok()?;
            assert!(status.is_success(), "{path}: {status}: {text}");
            Some(text)
        })
        .await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        serde_json::from_value(self.ask(path, None).await).unwrap()
    }

    /// Makes a template and a task of this name with both parties, and starts it. `more` goes over the template's fields, `task` over the
    /// task's.
    pub(crate) async fn start(&self, name: &str, more: Value, task: Value) -> RunId {
        let mut template = json!({
            "name": name,
            "framework": "iflearner",
            "image": "iflearner-flow/training:test",
            "workdir": "/app/digits",
            "command": ["python", "party_digits.py", "--data={dataset.path}"],
        });
        let participants = ["party-a", "party-b"].map(|party| json!({"party": party, "dataset": "digits"}));
        let mut wanted = json!({
            "name": name,
            "template": name,
            "participants": participants,
            "hyperparameters": {"epochs": 3},
        });
        for (object, fields) in [(&mut template, more), (&mut wanted, task)] {
            object
                .as_object_mut()
                .unwrap()
                .extend(fields.as_object().unwrap().clone());
        }
        // One key a request, as each may have to be sent twice.
        self.post(&format!("/templates?{name}"), "/templates", &template).await;
        self.post(&format!("/tasks?{name}"), "/tasks", &wanted).await;
        let run = self.ask(&format!("/tasks/{name}/runs"), Some(&json!({}))).await;
        serde_json::from_value::<RunView>(run).unwrap().id
    }

    async fn post(&self, key: &str, path: &str, body: &Value) {
        within(PATIENCE, &format!("an answer to {key}"), async || {
            let url = format!("{}/api/v2{path}", *self.base.borrow());
            let request = self
                .http
                .post(url)
                .json(body)
                .header("idempotency-key", key.replace(['/', '?'], "-"));
            let answer = request.timeout(Duration::from_secs(10)).send().await.ok()?;
            let status = answer.status();
            assert!(
                status.is_success(),
                "{key}: {status}: {}",
                answer.text().await.unwrap_or_default()
            );
            Some(())
        })
        .await;
    }

    pub(crate) async fn run(&self, id: RunId) -> RunView {
        self.get(&format!("/runs/{id}")).await
    }

    pub(crate) async fn why(&self, id: RunId) -> Why {
        self.get(&format!("/runs/{id}/why")).await
    }

    pub(crate) async fn assignments(&self, id: RunId) -> Vec<AssignmentView> {
        self.get::<Page<AssignmentView>>(&format!("/runs/{id}/assignments"))
            .await
            .items
    }

    /// The lines of a run's log that a query asks for.
    pub(crate) async fn log(&self, id: RunId, query: &str) -> Vec<String> {
        let text = self.text(&format!("/runs/{id}/logs?{query}"), None).await;
        text.lines().map(str::to_owned).collect()
    }

    /// Waits for the end of a run.
    pub(crate) async fn over(&self, id: RunId) -> RunView {
        let limit = Duration::from_secs(240);
        within(limit, "the end of the run", async || {
            Some(self.run(id).await).filter(|run| run.state.is_terminal())
        })
        .await
    }

    /// Waits for the end of a run, which is success.
    pub(crate) async fn succeeds(&self, id: RunId) -> RunView {
        let run = self.over(id).await;
        if run.state != RunState::Succeeded {
            panic!("{:?}: {}\n{:#?}", run.state, run.message, self.why(id).await);
        }
        run
    }

    /// Waits until training has begun, and is far from its end.
    pub(crate) async fn trains(&self, id: RunId) {
        within(PATIENCE, "the first round", async || {
            let run = self.run(id).await;
            assert!(!run.state.is_terminal(), "{:?}: {}", run.state, run.message);
            let members = self.assignments(id).await;
            members.iter().any(|member| member.progress.round >= 1).then_some(())
        })
        .await;
    }

    /// Waits until all parties are attached.
    pub(crate) async fn is_attached(&self) {
        within(PATIENCE, "all parties attached", async || {
            let parties: Value = self.ask("/parties", None).await;
            let items = parties["items"].as_array()?;
            let online = items.iter().filter(|party| party["liveness"] == "Online");
            (online.count() >= 3).then_some(())
        })
        .await;
    }
}
