//! The examples in documentation, which nextest does not run.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use super::tally::Tally;
use crate::{Outcome, cargo};

/// Runs them, and counts.
pub(super) fn run() -> Outcome<Tally> {
    let mut command = cargo::cargo(["test", "--workspace", "--doc", "--no-fail-fast"]);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| cargo::unstartable(&command, &error))?;
    let mut output = String::new();
    for line in child
        .stdout
        .take()
        .into_iter()
        .flat_map(|stdout| BufReader::new(stdout).lines())
    {
        let line = line?;
        eprintln!("{line}");
        output.push_str(&line);
        output.push('\n');
    }
    let status = child.wait()?;
    let tally = Tally::of_cargo_test(&output);
    if !status.success() && tally.failed == 0 {
        return Err(format!("the doc tests could not run: {status}").into());
    }
    Ok(tally)
}
