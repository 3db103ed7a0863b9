//! The operator as a process.

use std::{
    fs::File,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use crate::world::World;

pub(crate) struct Operator {
    process: Child,
    log: PathBuf,
    _dir: tempfile::TempDir,
}

/// How an operator is started.
pub(crate) struct Start<'w> {
    world: &'w World,
    kubeconfig: PathBuf,
    settings: Vec<String>,
    abort_at: Option<String>,
}

impl World {
    /// Starts an operator that looks after this namespace.
    pub(crate) fn operator(&self) -> Operator {
        self.operator_with(&[])
    }

    /// The same with settings.
    pub(crate) fn operator_with(&self, settings: &[&str]) -> Operator {
        self.start(settings).go()
    }

    pub(crate) fn start(&self, settings: &[&str]) -> Start<'_> {
        Start {
            world: self,
            kubeconfig: self.kubeconfig.clone(),
            settings: settings.iter().map(|setting| (*setting).to_owned()).collect(),
            abort_at: None,
        }
    }
}

impl Start<'_> {
    /// With other credentials.
    pub(crate) fn kubeconfig(mut self, path: PathBuf) -> Self {
        self.kubeconfig = path;
        self
    }

    /// To be killed at this place.
    pub(crate) fn abort_at(mut self, place: &str) -> Self {
        self.abort_at = Some(place.to_owned());
        self
    }

    pub(crate) fn go(self) -> Operator {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let namespace = &self.world.namespace;
        let mut command = Command::new(env!("CARGO_BIN_EXE_flow-operator"));
        command
            .arg("serve")
            .args(["--set", &format!("namespaces={namespace}")])
            .args(["--set", &format!("leader.namespace={namespace}")])
            .args(["--set", "health.listen=127.0.0.1:0"])
            .args(["--set", "log.format=json"])
            .args(self.settings.iter().flat_map(|setting| ["--set", setting]))
            .env("KUBECONFIG", &self.kubeconfig)
            .env("RUST_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap());
        if let Some(place) = &self.abort_at {
            command.env("FLOW_OPERATOR_ABORT_AT", place);
        }
        Operator {
            process: command.spawn().unwrap(),
            log,
            _dir: dir,
        }
    }
}

impl Operator {
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Waits for the process to end by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let limit = Instant::now() + Duration::from_secs(40);
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < limit, "the operator goes on:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// The value of one of its metrics, added up over all labels that contain `label`.
    pub(crate) async fn metric(&self, name: &str, label: &str) -> f64 {
        let text = self.metrics().await;
        let lines = text
            .lines()
            .filter(|line| line.starts_with(name) && line.contains(label));
        lines
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    pub(crate) async fn metrics(&self) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let limit = Instant::now() + Duration::from_secs(20);
        let address = loop {
            let log = self.log();
            let line = log
                .lines()
                .find(|line| line.contains("flow-operator is up"))
                .map(ToOwned::to_owned);
            if let Some(line) = line {
                let line: serde_json::Value = serde_json::from_str(&line).unwrap();
                break line["health"].as_str().unwrap().to_owned();
            }
            assert!(Instant::now() < limit, "the operator does not start:\n{log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: operator\r\nConnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!(
                "the operator's log:\n{}",
                std::fs::read_to_string(&self.log).unwrap_or_default()
            );
        }
    }
}
