//! The command line of `flow-operator`.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use flow_daemon::{
    config::{self, ConfigError, Loaded},
    error::chain,
    shutdown::Shutdown,
    telemetry::{self, FilterError},
};

use crate::{
    config::Config,
    crd::crd_yaml,
    operator::{Operator, StartError},
};

/// Makes pods, services and routes of IflearnerJobs.
#[derive(Debug, Parser)]
#[command(name = "flow-operator", version)]
struct Cli {
    /// The configuration file.
    #[arg(long, short, global = true, env = "FLOW_OPERATOR_CONFIG")]
    config: Option<PathBuf>,
    /// Set one value, such as `--set routing=gateway`; may be repeated.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the operator.
    Serve,
    /// Print every setting and where its value comes from.
    Config,
    /// Print the definition of IflearnerJob, for `kubectl apply -f -`.
    Crd,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("cannot read the configuration")]
    Config(#[from] ConfigError),
    #[error("cannot set up logging")]
    Log(#[from] FilterError),
    #[error("cannot start")]
    Start(#[from] StartError),
    #[error("cannot write the output")]
    Output(#[from] io::Error),
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "error: {}", chain(&failure));
            ExitCode::FAILURE
        }
    }
}

fn load(cli: &Cli) -> Result<Loaded<Config>, ConfigError> {
    config::of_program("FLOW_OPERATOR", cli.config.as_deref(), &cli.set)
}

fn run(cli: &Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Crd => Ok(write!(io::stdout(), "{}", crd_yaml())?),
        Command::Config => Ok(write!(io::stdout(), "{}", load(cli)?.render())?),
        Command::Serve => serve(load(cli)?.value),
    }
}

// It waits for the API server nearly all the time. More threads would only keep more memory each.
#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn serve(config: Config) -> Result<(), Failure> {
    let _logging = telemetry::init(&config.log)?;
    let shutdown = Shutdown::on_signals()?;
    Operator::start(config, &shutdown).await?.join().await;
    Ok(())
}
