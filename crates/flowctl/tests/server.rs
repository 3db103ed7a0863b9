//! The client commands against the real server.

#![allow(clippy::unwrap_used, reason = "a test ends there")]

mod support;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::{Duration, Instant},
};

use flow_daemon::{shutdown::Shutdown, tls::TlsFiles};
use flow_federate::Federate;
use flow_server::{Server, config::Config};
use support::{Done, file, flowctl};
use tempfile::TempDir;

/// A real server that knows the parties `a` and `b`, whose agents were attached once and are away now.
struct Running {
    url: String,
    dir: TempDir,
    shutdown: Shutdown,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Running {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let tls = certificates(dir.path());
        let mut config = Config {
            data_dir: dir.path().join("server"),
            ..Config::default()
        };
        std::fs::create_dir(&config.data_dir).unwrap();
        config.rest.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        config.link.listen = config.rest.listen;
        config.link.tls = Some(tls("server"));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let shutdown = Shutdown::new();
        let server = runtime.block_on(Server::start(config, &shutdown)).unwrap();
        let running = Self {
            url: format!("http://{}", server.rest_addr()),
            dir,
            shutdown,
            runtime: Some(runtime),
        };
        running.introduce(&["a", "b"].map(|party| (party, tls(party))), server.link_addr());
        running
    }

    fn introduce(&self, parties: &[(&str, TlsFiles)], link: SocketAddr) {
        let agents = Shutdown::new();
        let runtime = self.runtime.as_ref().unwrap();
        for (party, tls) in parties {
            let mut config = flow_federate::config::Config {
                party: (*party).to_owned(),
                data_dir: self.dir.path().join(party),
                tls: tls.clone(),
                ..Default::default()
            };
            config.server.address = link.to_string();
            config.health.enabled = false;
            config.rest.enabled = false;
            runtime.block_on(Federate::start(config, &agents)).unwrap();
        }
        self.until(|| self.run(&["party", "get", "a", "b"]).stdout.matches("Online").count() == 2);
        agents.token.cancel();
        self.until(|| self.ok(&["party", "get", "a", "b"]).matches("Offline").count() == 2);
    }

    fn until(&self, mut reached: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !reached() {
            assert!(Instant::now() < deadline, "not reached in time");
            std::thread::sleep(Duration::from_millis(20));
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

/// Makes all certificates with flowctl; answers where each one's are.
fn certificates(dir: &Path) -> impl Fn(&str) -> TlsFiles + use<> {
    let (ca, out) = (dir.join("ca"), dir.join("certificates"));
    let place = ["--dir", ca.to_str().unwrap(), "--out", out.to_str().unwrap()];
    let run = |args: &[&str]| assert_eq!(flowctl("http://127.0.0.1:1", args).code, 0, "{args:?}");
    run(&["pki", "init", "--dir", place[1]]);
    run(&[&["pki", "issue", "server", "--host", "127.0.0.1"][..], &place].concat());
    for party in ["a", "b"] {
        run(&[&["pki", "issue", "party", party][..], &place].concat());
    }
    move |name| TlsFiles {
        cert: out.join(format!("{name}.crt")),
        key: out.join(format!("{name}.key")),
        ca: out.join("ca.crt"),
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
    assert!(
        why.contains("Queued: WaitingForParty") && why.contains("hint: start the agent"),
        "{why}"
    );
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
}

#[test]
fn parties_are_listed() {
    let server = Running::start();
    let parties = server.ok(&["party", "list"]);
    assert!(parties.starts_with("NAME"), "{parties}");
    assert!(server.ok(&["party", "list", "-o", "name"]).contains("party/a\n"));
    assert!(server.ok(&["party", "describe", "a"]).contains("Liveness:"));
    for nobody in ["nobody", "No Body"] {
        assert_eq!(server.run(&["party", "get", nobody]).code, 5);
    }
}
