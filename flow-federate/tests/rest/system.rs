//! A server and parties in this process, whose jobs are shell scripts.

use std::{
    collections::BTreeMap, fs, net::SocketAddr, os::unix::fs::PermissionsExt, path::Path, path::PathBuf, time::Duration,
};

use flow_agent::config::Dataset;
use flow_daemon::{shutdown::Shutdown, tls::TlsFiles};
use flow_federate::{Federate, StartError, config::Config};
use flow_pki::{Ca, Request, Role};
use flow_server::Server;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

const VALID: Duration = Duration::from_secs(3600);

/// Ends with everything that it has started.
pub(crate) struct System {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) parties: BTreeMap<String, Party>,
    pub(crate) http: Client,
    server: Option<(Server, Shutdown)>,
    ca: Ca,
    api: String,
    link: SocketAddr,
}

/// A party's agent.
pub(crate) struct Party {
    pub(crate) federate: Federate,
    pub(crate) shutdown: Shutdown,
}

impl Drop for System {
    fn drop(&mut self) {
        for party in self.parties.values() {
            party.shutdown.token.cancel();
        }
        if let Some((_, shutdown)) = &self.server {
            shutdown.token.cancel();
        }
    }
}

impl System {
    /// A server, and these parties attached to it.
    pub(crate) async fn of(parties: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ca = Ca::create("test", VALID).unwrap();
        let mut config = flow_server::config::Config {
            data_dir: dir.path().join("server"),
            ..Default::default()
        };
        config.rest.listen = "127.0.0.1:0".parse().unwrap();
        config.link.listen = "127.0.0.1:0".parse().unwrap();
        config.link.heartbeat = Duration::from_secs(1);
        config.link.tls = Some(issue(&ca, &dir.path().join("server-tls"), None));
        config.center.agent.process.port_registry = Some(dir.path().join("ports"));
        let shutdown = Shutdown::new();
        let server = Server::start(config, &shutdown).await.unwrap();
        let mut system = Self {
            parties: BTreeMap::new(),
            http: Client::builder().no_proxy().build().unwrap(),
            api: format!("http://{}/api/v2", server.rest_addr()),
            link: server.link_addr(),
            server: Some((server, shutdown)),
            ca,
            dir,
        };
        for party in parties {
            let config = system.config(party);
            system.start(party, config).await.unwrap();
        }
        for party in parties {
            system.is_online(party).await;
        }
        system
    }

    /// Waits until a party is attached.
    pub(crate) async fn is_online(&self, party: &str) {
        within("the party is attached", async || {
            let found = self.get(&format!("/parties/{party}")).await;
            (found["liveness"] == "Online").then_some(())
        })
        .await;
    }

    pub(crate) fn config(&self, party: &str) -> Config {
        let folder = self.dir.path().join(party);
        let data = folder.join("data");
        fs::create_dir_all(&data).unwrap();
        let mut config = Config {
            party: party.to_owned(),
            data_dir: folder.join("agent"),
            tls: issue(&self.ca, &folder.join("tls"), Some(party)),
            supervisor: Some(self.supervisor()),
            ..Config::default()
        };
        config.server.address = self.link.to_string();
        config.server.name = Some("localhost".to_owned());
        config.health.enabled = false;
        config.rest.listen = "127.0.0.1:0".parse().unwrap();
        config.agent.datasets = BTreeMap::from([
            (format!("{party}-numbers"), Dataset::Path(data)),
            (format!("{party}-gone"), Dataset::Path(folder.join("gone"))),
        ]);
        config.agent.process.programs = BTreeMap::from([("sh".to_owned(), "/bin/sh".into())]);
        config.agent.process.port_registry = Some(self.dir.path().join("ports"));
        config.agent.process.cgroup = false;
        config
    }

    pub(crate) async fn start(&mut self, party: &str, config: Config) -> Result<(), StartError> {
        let shutdown = Shutdown::new();
        let federate = Federate::start(config, &shutdown).await?;
        self.parties.insert(party.to_owned(), Party { federate, shutdown });
        Ok(())
    }

    /// The supervisor of jobs: the program itself, as this process is another one.
    fn supervisor(&self) -> PathBuf {
        let path = self.dir.path().join("supervise");
        if !path.exists() {
            let program = env!("CARGO_BIN_EXE_flow-federate");
            fs::write(&path, format!("#!/bin/sh\nexec '{program}' supervise \"$1\"\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        path
    }

    pub(crate) async fn end_server(&mut self) {
        let (server, shutdown) = self.server.take().unwrap();
        shutdown.token.cancel();
        server.join().await;
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}{path}", self.api)).send().await.unwrap();
        answer.json().await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.http.post(format!("{}{path}", self.api)).json(body).send().await;
        let answer = answer.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{status}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Makes a task in which each of these parties runs a script on its own data; answers the task's id.
    pub(crate) async fn task(&self, name: &str, parties: &[&str], script: &str) -> String {
        let template = json!({
            "name": name,
            "framework": "custom",
            "command": ["sh", "-c", script],
            "profile": {
                "name": "script",
                "completion": {"roles": ["worker"]},
                "roles": {"worker": {"placement": "each-party", "argv": ["{command}"]}},
            },
        });
        self.post("/templates", &template).await;
        let participants: Vec<_> = parties
            .iter()
            .map(|party| json!({"party": party, "dataset": format!("{party}-numbers")}))
            .collect();
        let task = json!({"name": name, "template": name, "participants": participants, "remark": "a note"});
        self.post("/tasks", &task).await["id"].as_str().unwrap().to_owned()
    }

    /// Starts a task; answers the run's id.
    pub(crate) async fn run(&self, task: &str) -> String {
        let run = self.post(&format!("/tasks/{task}/runs"), &json!({})).await;
        run["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn succeeds(&self, run: &str) {
        within("the run succeeds", async || {
            let found = self.get(&format!("/runs/{run}")).await;
            assert!(
                !["Failed", "TimedOut", "Rejected"].contains(&found["state"].as_str().unwrap()),
                "{found}"
            );
            (found["state"] == "Succeeded").then_some(())
        })
        .await;
    }

    /// A request to a party.
    pub(crate) fn ask(&self, party: &str, path: &str) -> RequestBuilder {
        let at = self.parties[party].federate.rest_addr().unwrap();
        self.http
            .get(format!("http://{at}{path}"))
            .timeout(Duration::from_secs(60))
    }

    /// What a party answers, with success.
    pub(crate) async fn party(&self, party: &str, path: &str) -> Value {
        let answer = self.ask(party, path).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// What a party refuses; answers the problem.
    pub(crate) async fn refused(&self, party: &str, path: &str, status: u16, words: &str) -> Value {
        let answer = self.ask(party, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::from_u16(status).unwrap(), "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let problem: Value = answer.json().await.unwrap();
        assert!(
            problem["detail"].as_str().unwrap().contains(words),
            "'{words}': {problem}"
        );
        assert_eq!(problem["status"], status);
        problem
    }
}

fn issue(ca: &Ca, dir: &Path, party: Option<&str>) -> TlsFiles {
    let role = match party {
        Some(name) => Role::Party {
            name: name.parse().unwrap(),
        },
        None => Role::Server {
            dns_names: vec!["localhost".into()],
            ips: vec!["127.0.0.1".parse().unwrap()],
        },
    };
    let issued = ca.issue(&Request { role, validity: VALID }).unwrap();
    issued.save(dir, "own", true).unwrap();
    issued.save_ca(dir, true).unwrap();
    TlsFiles {
        cert: dir.join("own.crt"),
        key: dir.join("own.key"),
        ca: dir.join("ca.crt"),
    }
}

/// Asks until there is an answer; fails after a while, saying what it waited for.
pub(crate) async fn within<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited a minute until {what}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}
