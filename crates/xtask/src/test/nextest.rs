//! All tests but the doc tests, by cargo-nextest; `.config/nextest.toml` says how.

use std::{env, fs, io, path::Path, thread};

use super::{Python, runner, tally::Tally};
use crate::{Outcome, cargo, workspace};

/// How many trainings may run at once, as in `.config/nextest.toml`. They wait more than they compute, so they come on
/// top of one test for each processor.
const HEAVY: usize = 4;

/// The exit code that nextest gives to a run in which tests have failed.
const TESTS_FAILED: i32 = 100;

/// Runs them with these arguments added, and counts.
pub(super) fn run(program: &Path, python: Python, args: &[String]) -> Outcome<Tally> {
    let profile = profile(python);
    let report = workspace::root().join("target/nextest").join(profile).join("junit.xml");
    forget(&report)?;
    let threads = thread::available_parallelism().map_or(1, usize::from) + HEAVY;
    let mut command = runner(program);
    command.args(["run", "--workspace", "--profile", profile]);
    command.args(["--test-threads", &threads.to_string()]).args(args);
    if python == Python::Missing {
        command.env("FLOW_TEST_MISSING", "python");
    }
    let status = command.status().map_err(|error| cargo::unstartable(&command, &error))?;
    if !status.success() && status.code() != Some(TESTS_FAILED) {
        return Err(format!("cargo nextest ended with {status} before it could run the tests").into());
    }
    let text = fs::read_to_string(&report).map_err(|error| format!("no report at {}: {error}", report.display()))?;
    let tally = Tally::of_junit(&text).ok_or_else(|| format!("{} is no JUnit report", report.display()))?;
    if !status.success() && tally.failed == 0 {
        return Err("cargo nextest failed, and its report names no test that did".into());
    }
    Ok(tally)
}

/// Names the tests that are marked as ignored, so that nothing is left out in silence.
pub(super) fn tell_ignored(program: &Path) -> Outcome {
    let mut list = runner(program);
    list.args([
        "list",
        "--workspace",
        "--run-ignored",
        "only",
        "--message-format",
        "oneline",
    ]);
    let listed = cargo::output(&mut list)?;
    for test in listed.lines() {
        eprintln!("not run, as it is marked as ignored: {test}");
    }
    Ok(())
}

/// One of `.config/nextest.toml`.
fn profile(python: Python) -> &'static str {
    if python == Python::Missing {
        "no-python"
    } else if env::var_os("CI").is_some_and(|value| !value.is_empty()) {
        "ci"
    } else {
        "default"
    }
}

/// Removes the report of an earlier run, so that it is not taken for this one's.
fn forget(report: &Path) -> Outcome {
    match fs::remove_file(report) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
