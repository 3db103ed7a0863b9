//! The examples in documentation, which nextest does not run.

use std::process::Stdio;

use super::tally::Tally;
use crate::{Outcome, cargo};

/// Runs them, and counts. Most crates have none: only the tests themselves are told, and everything if one fails.
pub(super) fn run() -> Outcome<Tally> {
    let mut command = cargo::cargo(["test", "--workspace", "--doc", "--no-fail-fast"]);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| cargo::unstartable(&command, &error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let passed = output.status.success();
    for line in text.lines().filter(|line| !passed || line.starts_with("test ")) {
        if !line.starts_with("test result: ok. 0 passed") {
            eprintln!("{line}");
        }
    }
    let tally = Tally::of_cargo_test(&text);
    if !passed && tally.failed == 0 {
        return Err(format!("the doc tests could not run: {}", output.status).into());
    }
    Ok(tally)
}
