//! What may be asked of `cargo xtask`.

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::{Outcome, bench, check, cluster, deny, deps, generate, image, sim, steps::Steps, test};

/// Developer tasks of Iflearner Flow.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Everything that CI checks beside the tests, in its order.
    Check,
    /// Build the workspace, get what the tests need, and run them all.
    Test(TestArgs),
    /// Make the generated files: the protocol's Rust code and the OpenAPI document.
    Generate {
        /// Only compare them with what would be made.
        #[arg(long)]
        check: bool,
    },
    /// Check the architecture: dependency directions, lints, file lengths, paths of one machine.
    Deps,
    /// Check dependencies with cargo-deny: bans, licenses, sources.
    Deny,
    /// A Kubernetes on this machine, for tests and for people.
    Cluster {
        #[command(subcommand)]
        task: cluster::ClusterTask,
    },
    /// Measure, each against its limit within the same run.
    Bench {
        #[command(subcommand)]
        task: bench::BenchTask,
    },
    /// Simulate the whole platform, seed by seed, with faults everywhere.
    Sim(sim::SimArgs),
    /// Build the images for containers, as archives, without a container engine.
    Image(image::ImageArgs),
}

/// How tests are run.
#[derive(Debug, Default, Args)]
pub(crate) struct TestArgs {
    /// Name what this machine lacks, leave out the tests that need it, and pass without them.
    #[arg(long)]
    pub(crate) allow_missing: bool,
    /// Run the tests that need a cluster on the one that `KUBECONFIG` names. They install and remove things there.
    #[arg(long)]
    pub(crate) existing_cluster: bool,
    /// Arguments for `cargo nextest run`, such as `-- -E 'package(flow-domain)'`; with any, doc tests are left out.
    #[arg(last = true)]
    pub(crate) nextest: Vec<String>,
}

pub(crate) fn main() -> ExitCode {
    run(Cli::parse().task).unwrap_or_else(|error| {
        eprintln!("xtask: {error}");
        ExitCode::FAILURE
    })
}

fn run(task: Task) -> Outcome<ExitCode> {
    match task {
        Task::Test(args) => return test::run(&args, &mut Steps::new()),
        Task::Check => check::run()?,
        Task::Generate { check } => generate::run(check)?,
        Task::Deps => deps::run()?,
        Task::Bench { task } => bench::run(&task)?,
        Task::Deny => deny::run()?,
        Task::Sim(args) => sim::run(&args)?,
        Task::Cluster { task } => cluster::run(task)?,
        Task::Image(args) => image::run(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}
