//! All tests but the doc tests, by cargo-nextest; `.config/nextest.toml` says how.

use std::{env, fs, io, path::Path, process::Command, thread};

use super::{
    clusters::Clusters,
    database::Database,
    needs::{self, Missing, Need},
    runner,
    tally::Tally,
};
use crate::{Outcome, cargo, workspace};

/// How many trainings may run at once, as in `.config/nextest.toml`. They wait more than they compute, so they come on
/// top of one test for each processor.
const HEAVY: usize = 4;

/// The exit code that nextest gives to a run in which tests have failed.
const TESTS_FAILED: i32 = 100;

/// The tests that bring up a node of their own, and so cannot run beside another.
const OF_NODES: &str = "binary_id(flow-cluster::node)";

/// What the tests need that these arguments select; everything without arguments.
pub(super) fn needs(program: &Path, args: &[String]) -> Outcome<Vec<Need>> {
    let all = [Need::Python, Need::MariaDb, Need::ApiServer, Need::Node];
    if args.is_empty() {
        return Ok(all.to_vec());
    }
    let mut list = runner(program);
    list.args(["list", "--workspace", "--message-format", "oneline"])
        .args(selecting(args));
    let selected = cargo::output(&mut list)?;
    let mut needed = Vec::new();
    for need in all {
        let tests = needs::list(program, need.tests())?;
        if selected.lines().any(|test| tests.iter().any(|needs| needs == test)) {
            needed.push(need);
        }
    }
    Ok(needed)
}

/// Of the arguments for a run those that select tests, as a list takes only these.
fn selecting(args: &[String]) -> Vec<&str> {
    const OPTIONS: [&str; 8] = [
        "-E",
        "--filterset",
        "-p",
        "--package",
        "--test",
        "--bin",
        "--run-ignored",
        "--exclude",
    ];
    let is_given = |arg: &str| {
        OPTIONS
            .iter()
            .any(|option| arg.strip_prefix(option).is_some_and(|rest| rest.starts_with('=')))
    };
    let mut selecting = Vec::new();
    let mut args = args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        if OPTIONS.contains(&arg) {
            selecting.push(arg);
            selecting.extend(args.next());
        } else if !arg.starts_with('-') || arg == "--lib" || is_given(arg) {
            selecting.push(arg);
        }
    }
    selecting
}

/// Runs the tests of nodes.
pub(super) fn of_nodes(program: &Path) -> Outcome<Tally> {
    let mut command = runner(program);
    command.args(["run", "--workspace", "--profile", profile(), "-E", OF_NODES]);
    counted(&mut command)
}

/// Runs all others, with these arguments added, and counts.
pub(super) fn run(
    program: &Path,
    missing: &Missing,
    clusters: &Clusters,
    database: &Database,
    args: &[String],
) -> Outcome<Tally> {
    let threads = thread::available_parallelism().map_or(1, usize::from) + HEAVY;
    let mut command = runner(program);
    command.args(["run", "--workspace", "--profile", profile()]);
    command.args(["--test-threads", &threads.to_string()]).args(args);
    if args.is_empty() {
        let left_out: Vec<&str> = missing.tests().chain([OF_NODES]).collect();
        command.args(["-E", &format!("not ({})", left_out.join(" + "))]);
    }
    command.envs(missing.words().map(|words| ("FLOW_TEST_MISSING", words)));
    command.envs(clusters.environment());
    command.envs(database.environment());
    counted(&mut command)
}

fn counted(command: &mut Command) -> Outcome<Tally> {
    let report = workspace::root()
        .join("target/nextest")
        .join(profile())
        .join("junit.xml");
    forget(&report)?;
    let status = command.status().map_err(|error| cargo::unstartable(command, &error))?;
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
fn profile() -> &'static str {
    if env::var_os("CI").is_some_and(|value| !value.is_empty()) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_selects_tests_is_left() {
        let args = [
            "--no-capture",
            "-E",
            "test(a)",
            "name",
            "--package=flow-domain",
            "--retries=2",
            "--lib",
        ];
        let args = args.map(str::to_owned);
        assert_eq!(
            selecting(&args),
            ["-E", "test(a)", "name", "--package=flow-domain", "--lib"]
        );
    }
}
