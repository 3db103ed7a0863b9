//! The client commands, as a user runs them.

#![allow(clippy::unwrap_used, reason = "a test ends there")]

mod support;

use std::process::Stdio;

use insta::assert_snapshot;
use support::{
    command,
    contract::{Contract, OTHER_RUN, RUN},
    file, flowctl, flowctl_with,
};

/// An address where nothing listens: the port was free a moment ago.
fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn lists_and_tables() {
    let server = Contract::start();
    let list = flowctl(&server.url, &["template", "list"]);
    assert_eq!(list.code, 0, "{}", list.stderr);
    let lines: Vec<Vec<&str>> = list
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines[0], ["NAME", "FRAMEWORK", "REVISION", "AGE", "REMARK"]);
    assert_eq!(
        (lines[1][0], lines[2][0]),
        ("digits", "weather"),
        "both pages are there"
    );

    let runs = flowctl(&server.url, &["run", "list"]);
    assert!(runs.stdout.starts_with("ID   "), "{}", runs.stdout);
    assert!(!runs.stdout.contains('\u{1b}'), "no colour where there is no terminal");
    let names = flowctl(&server.url, &["run", "list", "-o", "name"]);
    assert_eq!(names.stdout, format!("run/{RUN}\nrun/{OTHER_RUN}\n"));
    let json = flowctl(&server.url, &["run", "list", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["items"][0]["state"], "Running");
    let yaml = flowctl(&server.url, &["template", "get", "digits", "-o", "yaml"]);
    assert!(yaml.stdout.contains("framework: iflearner"), "{}", yaml.stdout);
}

#[test]
fn a_run_is_meant_by_its_id_its_beginning_or_latest() {
    let server = Contract::start();
    for text in [OTHER_RUN, &OTHER_RUN[..30]] {
        let got = flowctl(&server.url, &["run", "get", text, "-o", "name"]);
        assert_eq!(got.stdout, format!("run/{OTHER_RUN}\n"), "{}", got.stderr);
    }
    let latest = flowctl(&server.url, &["run", "get", "latest", "-o", "name"]);
    assert_eq!(latest.stdout, format!("run/{RUN}\n"));

    let several = flowctl(&server.url, &["run", "get", "018f4e"]);
    assert_eq!(several.code, 2);
    assert_snapshot!("ambiguous_run", several.stderr);
    let none = flowctl(&server.url, &["run", "get", "abcdef"]);
    assert_eq!(none.code, 5);
    let short = flowctl(&server.url, &["run", "get", "018"]);
    assert_eq!(short.code, 2);
    assert!(short.stderr.contains("at least the first 6 digits"), "{}", short.stderr);
}

#[test]
fn starting_and_waiting_ends_as_the_run_does() {
    let server = Contract::start();
    let args = ["run", "start", "digits", "--set", "epochs=3", "--set", "lr=0.5"];
    let started = flowctl(&server.url, &args);
    assert_eq!((started.code, started.stdout), (0, format!("run/{RUN} started\n")));
    let waited = flowctl(&server.url, &[&args[..], &["--wait", "-o", "json"]].concat());
    assert_eq!(waited.code, 0, "{}", waited.stderr);
    let run: serde_json::Value = serde_json::from_str(&waited.stdout).unwrap();
    assert_eq!(run["state"], "Succeeded");
    assert!(
        waited.stderr.contains("Running Training: in words"),
        "{}",
        waited.stderr
    );
    assert_eq!(
        flowctl(&server.url, &["run", "wait", OTHER_RUN]).code,
        10,
        "a failed run"
    );
}

#[test]
fn runs_are_approved_and_rejected_by_somebody_for_a_reason() {
    let server = Contract::start();
    let approved = flowctl(&server.url, &["run", "approve", RUN, OTHER_RUN, "--by", "ann"]);
    let both = format!("run/{RUN} approved\nrun/{OTHER_RUN} approved\n");
    assert_eq!((approved.code, approved.stdout), (0, both), "{}", approved.stderr);
    let reject = |run| flowctl(&server.url, &["run", "reject", run, "--comment", "not this data"]);
    let rejected = reject(RUN);
    assert_eq!((rejected.code, rejected.stdout), (0, format!("run/{RUN} rejected\n")));
    let refused = reject(OTHER_RUN);
    assert_eq!(refused.code, 6);
    assert_snapshot!("reject_approved", refused.stderr);
    let silent = flowctl(&server.url, &["run", "reject", RUN]);
    assert_eq!(silent.code, 2);
    assert!(silent.stderr.contains("--comment"), "{}", silent.stderr);
}

#[test]
fn waiting_ends_at_its_timeout() {
    let server = Contract::start();
    let waited = flowctl(&server.url, &["run", "wait", RUN, "--timeout", "50ms"]);
    assert_eq!(waited.code, 8);
    assert_snapshot!("wait_timeout", waited.stderr);
}

#[test]
fn a_stream_of_events_goes_on_where_it_broke() {
    let server = Contract::start();
    let events = flowctl(&server.url, &["run", "events", RUN, "--follow"]);
    assert_eq!(events.code, 0, "{}", events.stderr);
    assert_snapshot!("events", events.stdout);
}

#[test]
fn logs_are_shown_without_what_steers_a_terminal() {
    let server = Contract::start();
    let logs = flowctl(&server.url, &["logs", RUN, "--tail", "2"]);
    assert_eq!(
        logs.stdout, "party-a/party | epoch 1: accuracy 0.9\nparty-a/party | \\u{1b}[2Jepoch 2\n",
        "{}",
        logs.stderr
    );
}

#[test]
fn why_reads_as_one_answer() {
    let server = Contract::start();
    assert_snapshot!("why", flowctl(&server.url, &["why", OTHER_RUN]).stdout);
    let described = flowctl(&server.url, &["run", "describe", OTHER_RUN]);
    assert!(described.stdout.contains("accuracy=0.9100"), "{}", described.stdout);
}

#[test]
fn a_create_is_asked_again_with_the_same_key_while_the_server_is_away_for_a_moment() {
    let server = Contract::start();
    let done = flowctl_with(
        &server.url,
        &["template", "create", "-f", "-"],
        "{name: later, framework: iflearner, command: [python, x.py]}",
    );
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (0, "template/later created\n"),
        "{}",
        done.stderr
    );
    assert_eq!(server.creations(), 3);
}

#[test]
fn what_the_server_refuses_is_said_with_file_and_line() {
    let server = Contract::start();
    let dir = tempfile::tempdir().unwrap();
    let text = "# two of them\nname: fine\nframework: iflearner\ncommand: [python]\n---\nname: wrong\n\
                framework: iflearner\ncommand:\n- python\n- x.py\n- '{dataset.pth}'\n";
    let path = file(dir.path(), "two.yaml", text);
    let refused = flowctl(&server.url, &["template", "create", "-f", &path]);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, "template/fine created\n"));
    assert_snapshot!("violation", refused.stderr.replace(&path, "two.yaml"));

    let taken = flowctl_with(
        &server.url,
        &["template", "create", "-f", "-"],
        "{name: taken, framework: x}",
    );
    assert_eq!(taken.code, 6);
    assert_eq!(taken.stderr, "error: there is a template 'taken' already\n");
    assert_eq!(flowctl(&server.url, &["template", "get", "nothing"]).code, 5);
    assert_eq!(
        flowctl(&server.url, &["template", "delete", "digits"]).stdout,
        "template/digits deleted\n"
    );
}

#[test]
fn no_server_is_said_with_its_address_and_what_to_do() {
    let server = nowhere();
    let done = flowctl(&server, &["task", "list"]);
    assert_eq!(done.code, 7);
    assert_snapshot!("no_server", done.stderr.replace(&server, "http://127.0.0.1:PORT"));
    assert_eq!(flowctl("nonsense", &["task", "list"]).code, 2);
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let server = Contract::start();
    let mut child = command(&["run", "list", "-o", "json"])
        .env("FLOWCTL_SERVER", &server.url)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "{done:?}");
    assert!(done.stderr.is_empty(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn help_says_everything() {
    for (name, args) in [
        ("help", &["--help"][..]),
        ("help_run_start", &["run", "start", "--help"]),
        ("help_run_approve", &["run", "approve", "--help"]),
        ("help_run_reject", &["run", "reject", "--help"]),
        ("help_logs", &["logs", "--help"]),
        ("help_pki_issue_server", &["pki", "issue", "server", "--help"]),
    ] {
        let help = command(args).output().unwrap();
        assert_snapshot!(name, String::from_utf8(help.stdout).unwrap());
    }
}
