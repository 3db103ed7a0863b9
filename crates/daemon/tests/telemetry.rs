//! What a real process writes to standard error.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Stdio};

use flow_daemon::telemetry::{LogConfig, LogFormat, init};
use serde_json::Value;

/// Tells the process that [`program`] runs in which format to use.
const FORMAT: &str = "FLOW_DAEMON_TEST_FORMAT";

/// The lines that a program logs that was configured so.
fn log(format: &str, rust_log: &str) -> Vec<String> {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "program", "--ignored", "--nocapture"])
        .env(FORMAT, format)
        .env("RUST_LOG", rust_log)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stderr)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn json_holds_the_fields_and_panics_too() {
    // Standard error is a pipe here, so `auto` means JSON.
    for format in ["json", "auto"] {
        let lines: Vec<Value> = log(format, "")
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let [hello, panic] = lines.as_slice() else {
            panic!("{lines:?}");
        };
        assert_eq!(
            (&hello["message"], &hello["party"], &hello["level"]),
            (&"hello".into(), &"a".into(), &"INFO".into())
        );
        assert_eq!((&panic["message"], &panic["level"]), (&"oh no".into(), &"ERROR".into()));
        assert!(panic["location"].as_str().unwrap().contains("telemetry.rs"));
    }
}

#[test]
fn text_is_for_people_and_the_environment_sets_the_level() {
    let lines = log("text", "debug");
    let with = |part: &str| lines.iter().any(|line| line.contains(part));
    assert!(with("details") && with("hello") && with("party=\"a\""), "{lines:?}");
    assert!(!with("\u{1b}["), "colours in a pipe: {lines:?}");
    let quiet = log("text", "error").join("\n");
    assert!(!quiet.contains("hello") && quiet.contains("oh no"), "{quiet}");
}

/// Not a test of its own: the process that the tests above start.
#[test]
#[ignore = "is started by the other tests"]
fn program() {
    let format = match std::env::var(FORMAT).unwrap().as_str() {
        "json" => LogFormat::Json,
        "text" => LogFormat::Text,
        _ => LogFormat::Auto,
    };
    let config = LogConfig {
        format,
        ..LogConfig::default()
    };
    let guard = init(&config).unwrap();
    assert!(guard.installed());
    tracing::debug!("details");
    tracing::info!(party = "a", "hello");
    assert!(std::thread::spawn(|| panic!("oh no")).join().is_err());
}
