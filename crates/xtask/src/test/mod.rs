//! The tests: all of them, with what they need, and nothing left out without being named.

mod clusters;
mod database;
mod doc;
mod needs;
mod nextest;
mod python;
mod tally;

use std::{io::Write as _, path::Path, process::ExitCode, sync::Arc};

use self::{
    clusters::Clusters,
    database::Database,
    needs::{Missing, Need},
    tally::Tally,
};
use crate::{Outcome, cargo, cli::TestArgs, cluster, steps::Steps, tools};

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
    // From here on an interrupt ends what is under way, and clusters are taken down.
    let cancelled = cluster::cancelled_by_signals()?;
    let mut missing = Missing::default();
    let mut clusters = Clusters::new(Arc::clone(&cancelled), args.existing_cluster)?;
    let mut database = Database::default();
    let mut tally = Tally::default();
    for need in nextest::needs(&runner, &args.nextest)? {
        let got = match need {
            Need::Python => steps.run("Python environments", python::prepare),
            Need::MariaDb => steps.run("MariaDB", || database.start(Arc::clone(&cancelled))),
            Need::ApiServer => steps.run("Kubernetes API server", || clusters.api()),
            Need::Node => node(args, steps, &runner, &mut clusters, &mut tally),
        };
        missing.unless(need, args.allow_missing, &runner, got)?;
    }
    tally += counted(steps, "tests", || {
        nextest::run(&runner, &missing, &clusters, &database, &args.nextest)
    })?;
    steps.run("MariaDB down", || database.down())?;
    steps.run("clusters down", || clusters.down())?;
    if args.nextest.is_empty() {
        nextest::tell_ignored(&runner)?;
        tally += counted(steps, "doc tests", doc::run)?;
    } else {
        eprintln!("not run: the doc tests, as the arguments select tests");
    }
    Ok(tally)
}

/// A node with our images. There is one a machine, so the tests of such nodes come first.
fn node(args: &TestArgs, steps: &mut Steps, runner: &Path, clusters: &mut Clusters, tally: &mut Tally) -> Outcome {
    if !args.existing_cluster {
        steps.run("programs of a node", || clusters.node_programs())?;
    }
    if args.nextest.is_empty() && !args.existing_cluster {
        *tally += counted(steps, "tests of a node", || nextest::of_nodes(runner))?;
    }
    let images = steps.run("images", clusters::images)?;
    steps.run("Kubernetes node", || clusters.node(&images))
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

/// Nextest as a cargo subcommand, without it being on the PATH.
fn runner(program: &Path) -> std::process::Command {
    let mut command = cargo::command(program);
    command.arg("nextest");
    command
}
