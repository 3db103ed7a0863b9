//! Clients of `/api/v1`: plain HTTP, and the unmodified iflearner-flow-client from PyPI.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::{assets, python};

/// How long a call of the client may take.
const CALL: Duration = Duration::from_secs(30);

/// A client over plain HTTP.
#[derive(Debug, Clone)]
pub struct Legacy {
    http: reqwest::Client,
    base: String,
}

impl Legacy {
    /// A client of the listener there.
    #[must_use]
    pub fn new(listener: SocketAddr) -> Self {
        flow_daemon::tls::install_crypto();
        Self {
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            base: format!("http://{listener}/api/v1"),
        }
    }

    /// A request to a path under `/api/v1`.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).timeout(CALL)
    }

    /// Sends it; answers status and JSON.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> (StatusCode, Value) {
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        let json = serde_json::from_str(&text);
        (
            status,
            json.unwrap_or_else(|error| panic!("{status} is no JSON ({error}): {text}")),
        )
    }

    /// The data of an answer that has to be a success.
    pub async fn data(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let (status, mut answer) = self.ask(method, path, body).await;
        assert_eq!((status, &answer["ret_code"]), (StatusCode::OK, &json!(0)), "{answer}");
        assert_eq!(answer["ret_msg"], "success");
        answer["data"].take()
    }

    /// The ret_code of an answer, which has to come with HTTP 200.
    pub async fn code(&self, method: Method, path: &str, body: Option<Value>) -> u64 {
        let (status, answer) = self.ask(method, path, body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["ret_code"].as_u64().unwrap()
    }

    /// Status and JSON of an answer.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.send(request).await
    }
}

/// The unmodified SDK, in a process of its own.
#[derive(Debug)]
pub struct Sdk {
    _process: Child,
    calls: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Sdk {
    /// Starts it for the listener there.
    pub async fn start(listener: SocketAddr) -> Self {
        let mut process = Command::new(python::legacy_client().await)
            .arg(assets("legacy").join("client.py"))
            .args([listener.ip().to_string(), listener.port().to_string()])
            .env("NO_PROXY", "*")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            calls: process.stdin.take().unwrap(),
            answers: BufReader::new(process.stdout.take().unwrap()).lines(),
            _process: process,
        }
    }

    /// Calls a method such as `template.create`.
    pub async fn call(&mut self, method: &str, arguments: Value) -> Value {
        let line = format!("{}\n", json!([method, arguments]));
        self.calls.write_all(line.as_bytes()).await.unwrap();
        let answer = timeout(CALL, self.answers.next_line()).await.unwrap().unwrap();
        serde_json::from_str(&answer.expect("the client ended")).unwrap()
    }

    /// The data of a call that has to be a success.
    pub async fn data(&mut self, method: &str, arguments: Value) -> Value {
        let mut answer = self.call(method, arguments).await;
        assert_eq!(answer["ret_code"], 0, "{method}: {answer}");
        answer["data"].take()
    }
}

/// The unmodified `flow_server_cli`. It keeps its settings beside its own code, so it runs in a copy.
#[derive(Debug)]
pub struct Cli {
    python: PathBuf,
    copy: PathBuf,
}

impl Cli {
    /// Copies it below `folder`, and sets it to the listener there.
    pub async fn init(folder: &Path, listener: SocketAddr) -> Self {
        let python = python::legacy_client().await;
        let found = Command::new(&python)
            .args([
                "-c",
                "import flow_server_cli, os; print(os.path.dirname(flow_server_cli.__file__))",
            ])
            .output()
            .await
            .unwrap();
        let installed = PathBuf::from(String::from_utf8(found.stdout).unwrap().trim());
        let copy = folder.join("client");
        copy_folder(&installed, &copy.join("flow_server_cli"));
        let cli = Self { python, copy };
        let (host, port) = (listener.ip().to_string(), listener.port().to_string());
        cli.run(&["init", "--host", &host, "--port", &port]).await;
        cli
    }

    /// Runs a command that has to end well; answers the JSON that it prints.
    pub async fn run(&self, args: &[&str]) -> Value {
        let run = Command::new(&self.python)
            .args(["-c", "from flow_server_cli.flow_cli import flow_cli; flow_cli()"])
            .args(args)
            .env("PYTHONPATH", &self.copy)
            .env("NO_PROXY", "*")
            .output();
        let run = timeout(CALL, run).await.unwrap().unwrap();
        let (out, errors) = (
            String::from_utf8_lossy(&run.stdout),
            String::from_utf8_lossy(&run.stderr),
        );
        assert!(run.status.success(), "{args:?}: {out}{errors}");
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?} printed no JSON ({error}): {out}"))
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}
