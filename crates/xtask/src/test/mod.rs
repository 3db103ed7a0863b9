//! The tests: all of them, with what they need, and nothing left out without being named.

mod doc;
mod nextest;
mod python;
mod tally;

use std::{io::Write as _, path::Path, process::ExitCode};

use self::tally::Tally;
use crate::{Outcome, cargo, cli::TestArgs, steps::Steps, tools};

/// Runs them after the steps that are done already. Ends with how long each step took, and one line of its own that
/// says how many tests have passed and failed: nothing may follow it, so a failure is in the exit code only.
pub(crate) fn run(args: &TestArgs, steps: &mut Steps) -> Outcome<ExitCode> {
    let tally = all(args, steps);
    eprintln!("\n{steps}\n");
    let tally = tally?;
    writeln!(std::io::stdout(), "{tally}")?;
    // No test at all is a mistake in what was asked for, or in the tests.
    let passed = tally.failed == 0 && tally.passed > 0;
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn all(args: &TestArgs, steps: &mut Steps) -> Outcome<Tally> {
    let runner = steps.run("cargo-nextest", || tools::NEXTEST.program())?;
    steps.run("build", cargo::build)?;
    let python = steps.run("Python environments", || python::prepare(args.allow_missing, &runner))?;
    let mut tally = counted(steps, "tests", || nextest::run(&runner, python, &args.nextest))?;
    if args.nextest.is_empty() {
        nextest::tell_ignored(&runner)?;
        tally += counted(steps, "doc tests", doc::run)?;
    } else {
        eprintln!("not run: the doc tests, as the arguments select tests");
    }
    Ok(tally)
}

/// Runs a step of tests. Failed ones fail the step, but do not keep the next one from running.
fn counted(steps: &mut Steps, name: &str, step: impl FnOnce() -> Outcome<Tally>) -> Outcome<Tally> {
    let mut counted = None;
    let outcome = steps.run(name, || {
        let tally = *counted.insert(step()?);
        if tally.failed > 0 {
            return Err(tally.to_string().into());
        }
        Ok(tally)
    });
    counted.map_or(outcome, Ok)
}

/// What tests need of this machine, beside Rust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Python {
    /// Python with the frameworks that jobs use.
    Ready,
    /// None, and the tests that need it are left out.
    Missing,
}

/// Nextest as a cargo subcommand, without it being on the PATH.
fn runner(program: &Path) -> std::process::Command {
    let mut command = cargo::command(program);
    command.arg("nextest");
    command
}
