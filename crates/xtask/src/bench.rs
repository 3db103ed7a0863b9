//! Measurements. Each is a ratio within one run, or stands beside its limit; nothing fails by being slow.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use clap::{Args, Subcommand};
use flow_cluster::{Cluster, Level, Options};

use crate::{Outcome, cargo, chain, cluster};

/// What is measured.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchTask {
    /// The operator: jobs a second against a bare client, memory, and what it asks while idle.
    Operator(Operator),
}

/// How much is measured.
#[derive(Debug, Args)]
pub(crate) struct Operator {
    /// How many jobs come at once.
    #[arg(long, default_value_t = 1000)]
    jobs: u32,
    /// How many jobs are there already in the second measurement.
    #[arg(long, default_value_t = 5000)]
    standing: u32,
    /// How many requests are under way at a time, of the operator and of the bare client.
    #[arg(long, default_value_t = 32)]
    concurrency: u32,
}

/// Measures it; the figures go to standard output.
pub(crate) fn run(task: &BenchTask) -> Outcome {
    let BenchTask::Operator(asked) = task;
    let folder = tempfile::Builder::new().prefix("flow-bench-").tempdir()?;
    let cluster = api_server(&folder.path().join("api"), cluster::cancelled_by_signals()?)?;
    let mut bench = cargo::cargo(["bench", "--package", "flow-operator", "--bench", "jobs", "--"]);
    for (name, value) in [
        ("--jobs", asked.jobs),
        ("--standing", asked.standing),
        ("--concurrency", asked.concurrency),
    ] {
        bench.args([name, &value.to_string()]);
    }
    let measured = cargo::run(bench.env("KUBECONFIG", cluster.kubeconfig()));
    cluster.down().map_err(|error| chain(&error))?;
    measured
}

fn api_server(dir: &Path, cancelled: Arc<AtomicBool>) -> Outcome<Cluster> {
    let mut options = Options::new(dir, Level::Api);
    options.cancelled = cancelled;
    Ok(Cluster::up(&options).map_err(|error| chain(&error))?)
}
