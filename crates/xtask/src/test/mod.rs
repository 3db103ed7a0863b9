//! The tests: all of them, with what they need, and nothing left out without being named.

mod doc;
mod nextest;
mod python;
mod tally;

use std::{io::Write as _, path::Path};

use self::tally::Tally;
use crate::{Outcome, cargo, cli::TestArgs, steps::Steps, tools};

/// Runs them after the steps that are done already. Ends with how long each step took, and one line of its own that
/// says how many tests have passed and failed.
pub(crate) fn run(args: &TestArgs, steps: &mut Steps) -> Outcome {
    let tally = all(args, steps);
    eprintln!("\n{steps}\n");
    let tally = tally?;
    writeln!(std::io::stdout(), "{tally}")?;
    if tally.failed > 0 {
        return Err("tests failed".into());
    }
    if tally.passed == 0 {
        return Err("no test has run".into());
    }
    Ok(())
}

fn all(args: &TestArgs, steps: &mut Steps) -> Outcome<Tally> {
    let runner = steps.run("cargo-nextest", || tools::NEXTEST.program())?;
    steps.run("build", cargo::build)?;
    let python = steps.run("Python environments", || python::prepare(args.allow_missing, &runner))?;
    let mut tally = steps.run("tests", || ran(nextest::run(&runner, python, &args.nextest)))?;
    if args.nextest.is_empty() {
        tally += steps.run("doc tests", || ran(doc::run()))?;
    } else {
        eprintln!("not run: the doc tests, as the arguments select tests");
    }
    Ok(tally)
}

/// Failed tests are counted, and do not keep the other ones from running.
fn ran(tally: Outcome<Tally>) -> Outcome<Tally> {
    tally.inspect(|tally| eprintln!("{tally}"))
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
