//! The command line of `flow-federate`.

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
    federate::{Federate, StartError},
};

/// A party's agent: carries out its part of federated-learning runs beside its data.
#[derive(Debug, Parser)]
#[command(name = "flow-federate", version)]
struct Cli {
    /// The configuration file.
    #[arg(long, short, global = true, env = "FLOW_FEDERATE_CONFIG")]
    config: Option<PathBuf>,
    /// Set one value, such as `--set server.address=flow.example:1237`; may be repeated.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the agent.
    Run,
    /// Print every setting and where its value comes from.
    Config,
    /// Print the OpenAPI document of the party's REST.
    Openapi,
    /// Watch over one job; started by the agent, not by people.
    #[command(hide = true)]
    Supervise {
        /// The job's folder.
        dir: PathBuf,
    },
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("cannot read the configuration")]
    Config(#[from] ConfigError),
    #[error("cannot set up logging")]
    Log(#[from] FilterError),
    #[error("cannot start")]
    Start(#[from] StartError),
    #[error("cannot write the OpenAPI document")]
    Openapi(#[from] serde_json::Error),
    #[error("cannot write the output")]
    Output(#[from] io::Error),
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // Before anything else: the supervisor wants neither a runtime nor threads.
    if let Command::Supervise { dir } = &cli.command {
        return flow_launcher::process::supervise(dir);
    }
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "error: {}", chain(&failure));
            ExitCode::FAILURE
        }
    }
}

fn load(cli: &Cli) -> Result<Loaded<Config>, ConfigError> {
    config::of_program("FLOW_FEDERATE", cli.config.as_deref(), &cli.set)
}

#[tokio::main]
async fn run(cli: &Cli) -> Result<(), Failure> {
    if matches!(cli.command, Command::Openapi) {
        let document = crate::openapi().to_pretty_json()?;
        return Ok(writeln!(io::stdout(), "{document}")?);
    }
    let loaded = load(cli)?;
    if matches!(cli.command, Command::Config) {
        return Ok(write!(io::stdout(), "{}", loaded.render())?);
    }
    let _logging = telemetry::init(&loaded.value.log)?;
    let shutdown = Shutdown::on_signals()?;
    Federate::start(loaded.value, &shutdown).await?.join().await;
    Ok(())
}
