//! The client commands against the real server.

#![allow(clippy::unwrap_used, reason = "a test ends there")]

mod support;

use std::net::{Ipv4Addr, SocketAddr};

use flow_daemon::shutdown::Shutdown;
use flow_server::{Server, config::Config};
use support::{Done, file, flowctl};
use tempfile::TempDir;

/// A real server without any agent but the center's, on ports of its own.
struct Running {
    url: String,
    dir: TempDir,
    shutdown: Shutdown,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Running {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config {
            data_dir: dir.path().join("server"),
            ..Config::default()
        };
        std::fs::create_dir(&config.data_dir).unwrap();
        config.rest.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        config.link.listen = config.rest.listen;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let shutdown = Shutdown::new();
        let server = runtime.block_on(Server::start(config, &shutdown)).unwrap();
        Self {
            url: format!("http://{}", server.rest_addr()),
            dir,
            shutdown,
            runtime: Some(runtime),
        }
    }

    fn run(&self, args: &[&str]) -> Done {
        flowctl(&self.url, args)
    }

    /// Runs a command that is to succeed.
    fn ok(&self, args: &[&str]) -> String {
        let done = self.run(args);
        assert_eq!(done.code, 0, "{args:?}: {}", done.stderr);
        done.stdout
    }

    fn file(&self, name: &str, text: &str) -> String {
        file(self.dir.path(), name, text)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.token.cancel();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

const TEMPLATE: &str = "name: digits\nframework: iflearner\nworkdir: /app\ncommand: [python, train.py]\n";
const TASK: &str =
    "name: digits\ntemplate: digits\nparticipants:\n- party: a\n- party: b\nhyperparameters: {lr: 0.5}\n";

#[test]
fn templates_and_tasks_come_and_go() {
    let server = Running::start();
    let template = server.file("template.yaml", TEMPLATE);
    assert_eq!(
        server.ok(&["template", "create", "-f", &template]),
        "template/digits created\n"
    );
    let again = server.run(&["template", "create", "-f", &template]);
    assert_eq!(again.code, 6, "{}", again.stderr);
    assert!(again.stderr.contains("digits"), "{}", again.stderr);

    let task = server.file(
        "task.yaml",
        &format!("{TASK}---\n{}", TASK.replace("name: digits", "name: second")),
    );
    assert_eq!(
        server.ok(&["task", "create", "-f", &task]),
        "task/digits created\ntask/second created\n"
    );
    assert_eq!(server.ok(&["task", "list", "-o", "name"]), "task/second\ntask/digits\n");
    assert_eq!(
        server.ok(&["task", "list", "--limit", "1", "-o", "name"]),
        "task/second\n"
    );
    let described = server.ok(&["task", "describe", "digits"]);
    assert!(
        described.contains("Revision:") && described.contains("- party: a"),
        "{described}"
    );

    assert_eq!(
        server.ok(&["task", "delete", "digits", "second"]),
        "task/digits deleted\ntask/second deleted\n"
    );
    assert_eq!(server.run(&["task", "get", "digits"]).code, 5);
    assert_eq!(
        server.ok(&["template", "delete", "digits"]),
        "template/digits deleted\n"
    );
}

#[test]
fn what_breaks_a_rule_is_said_with_its_line() {
    let server = Running::start();
    let wrong = server.file(
        "t.yaml",
        &TEMPLATE.replace("[python, train.py]", "\n- python\n- '{dataset.pth}'"),
    );
    let refused = server.run(&["template", "create", "-f", &wrong]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("t.yaml:6: command[1]"), "{}", refused.stderr);
    assert!(refused.stderr.contains("dataset.path"), "{}", refused.stderr);

    let unknown = server.file("task.yaml", TASK);
    let refused = server.run(&["task", "create", "-f", &unknown]);
    assert!(matches!(refused.code, 2 | 5), "{}", refused.stderr);
    assert!(refused.stderr.contains("digits"), "{}", refused.stderr);
}

#[test]
fn a_run_waits_for_its_parties_and_can_be_cancelled() {
    let server = Running::start();
    let template = server.file("template.yaml", TEMPLATE);
    let task = server.file("task.yaml", TASK);
    server.ok(&["template", "create", "-f", &template]);
    server.ok(&["task", "create", "-f", &task]);
    let bad = server.run(&["run", "start", "digits", "--switch", "smcp"]);
    assert_eq!(bad.code, 2, "{}", bad.stderr);
    assert!(bad.stderr.contains("did you mean 'smpc'"), "{}", bad.stderr);
    assert_eq!(server.run(&["run", "start", "nothing"]).code, 5);

    let started = server.ok(&["run", "start", "digits", "--set", "epochs=3", "-o", "name"]);
    let id = started.trim().strip_prefix("run/").unwrap();
    // The planner gives the reason a moment later; waiting for longer than that ends at the timeout.
    let waited = server.run(&["run", "wait", id, "--timeout", "1s"]);
    assert_eq!(waited.code, 8, "{}", waited.stderr);
    let why = server.ok(&["why", "latest"]);
    assert!(why.contains("Queued") && why.contains("hint: "), "{why}");
    assert_eq!(
        server.ok(&["run", "list", "--task", "digits", "--state", "queued", "-o", "name"]),
        started
    );
    assert_eq!(server.ok(&["run", "get", &id[..28], "-o", "name"]), started);
    assert!(server.ok(&["run", "describe", id]).contains("epochs=3"));
    assert_eq!(
        server.run(&["task", "delete", "digits"]).code,
        6,
        "a task that runs stays"
    );

    server.ok(&["run", "cancel", id]);
    assert_eq!(server.run(&["run", "wait", id, "--timeout", "20s"]).code, 11);
    let followed = server.ok(&["run", "events", id, "--follow"]);
    assert_eq!(followed, server.ok(&["run", "events", id]));
    assert!(followed.lines().last().unwrap().contains("Cancelled"), "{followed}");
    assert_eq!(server.ok(&["logs", id, "--follow"]), "");
}

#[test]
fn parties_are_listed() {
    let server = Running::start();
    let parties = server.ok(&["party", "list"]);
    assert!(parties.is_empty() || parties.starts_with("NAME"), "{parties}");
    assert_eq!(server.run(&["party", "get", "nobody"]).code, 5);
    assert_eq!(server.run(&["party", "get", "No Body"]).code, 2);
}
