//! The simulation, for more seeds than the tests have, or for one that is to be understood.

use clap::Args;

use crate::{Outcome, cargo, workspace};

/// What is simulated.
#[derive(Debug, Args)]
pub(crate) struct SimArgs {
    /// How many seeds.
    #[arg(long, default_value_t = 1000, conflicts_with = "seed")]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0, conflicts_with = "seed")]
    from: u64,
    /// How many at a time; one for each processor if absent.
    #[arg(long, conflicts_with = "seed")]
    jobs: Option<usize>,
    /// Only this one, with its log and everything that happens in it.
    #[arg(long)]
    seed: Option<u64>,
}

/// Builds it for speed, and runs it. Fails if a promise was broken; which, and in which seed, is on standard output.
pub(crate) fn run(asked: &SimArgs) -> Outcome {
    // With the features that every other command resolves.
    cargo::run(&mut cargo::cargo([
        "build",
        "--release",
        "--workspace",
        "--bin",
        "flow-simulation",
    ]))?;
    let program = workspace::target_directory()?.join("release/flow-simulation");
    let mut simulate = cargo::command(program);
    match asked.seed {
        Some(seed) => simulate.args(["--seed", &seed.to_string()]),
        None => simulate.args(["--seeds", &asked.seeds.to_string(), "--from", &asked.from.to_string()]),
    };
    if let Some(jobs) = asked.jobs {
        simulate.args(["--jobs", &jobs.to_string()]);
    }
    cargo::run(&mut simulate)
}
