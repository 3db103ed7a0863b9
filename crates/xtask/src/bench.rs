//! Measurements. Each is a ratio within one run, or stands beside its limit; nothing fails by being slow.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use clap::{Args, Subcommand};
use flow_cluster::{Cluster, Level, Options};

use crate::{Outcome, cargo, chain, cluster, workspace};

/// What is measured.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchTask {
    /// The operator: jobs a second against a bare client, memory, and what it asks while idle.
    Operator(Operator),
    /// The server: starts, agents, a restart and lists, on SQLite and MariaDB, against the database's own limits.
    Dispatch(Dispatch),
    /// The REST APIs: requests a second of v1 and v2 on SQLite and MariaDB, beside the database's own rate of their statements.
    Rest(Rest),
}

/// What of the server is measured.
#[derive(Debug, Args)]
pub(crate) struct Dispatch {
    /// Only these measurements, such as `--only a,e`.
    #[arg(long, value_name = "LETTERS")]
    only: Option<String>,
    #[command(flatten)]
    how: How,
}

/// How the REST APIs are measured.
#[derive(Debug, Args)]
pub(crate) struct Rest {
    #[command(flatten)]
    how: How,
}

/// How a server is measured.
#[derive(Debug, Args)]
struct How {
    /// Fewer agents, runs, requests and rows: for developers. Its figures are no measure of the limits.
    #[arg(long)]
    quick: bool,
    /// Only on this database, `sqlite` or `mariadb`.
    #[arg(long, value_name = "DATABASE")]
    on: Option<String>,
    /// Keep the folder with the server's logs and databases.
    #[arg(long)]
    keep: bool,
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
    match task {
        BenchTask::Operator(asked) => operator(asked),
        BenchTask::Dispatch(asked) => {
            let only = asked.only.iter().flat_map(|letters| ["--only", letters]);
            server("dispatch", only, &asked.how)
        }
        BenchTask::Rest(asked) => server("rest", [], &asked.how),
    }
}

/// Builds the server and what measures it with one command, so that both have the same features, and runs the latter, which starts
/// the former.
fn server<'a>(suite: &str, arguments: impl IntoIterator<Item = &'a str>, how: &How) -> Outcome {
    let cancelled = cluster::cancelled_by_signals()?;
    flow_mariadb::install(&cancelled).map_err(|error| chain(&error))?;
    let packages = ["--package", "flow-server", "--package", "flow-bench"];
    cargo::run(cargo::cargo(["build", "--release"]).args(packages))?;
    let program = workspace::target_directory()?.join("release").join("flow-bench");
    let mut bench = cargo::command(program);
    bench.arg(suite).args(arguments);
    for (flag, is_set) in [("--quick", how.quick), ("--keep", how.keep)] {
        if is_set {
            bench.arg(flag);
        }
    }
    if let Some(databases) = &how.on {
        bench.args(["--on", databases]);
    }
    cargo::run(&mut bench)
}

fn operator(asked: &Operator) -> Outcome {
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
