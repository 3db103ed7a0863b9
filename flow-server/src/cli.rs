//! The command line of `flow-server`.

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
use flow_database::{ConnectError, SoleUse};

use crate::{
    config::Config,
    import::{self, ImportError},
    rest,
    server::{Server, StartError},
    store::Store,
};

/// Schedules multi-party horizontal federated learning.
#[derive(Debug, Parser)]
#[command(name = "flow-server", version)]
struct Cli {
    /// The configuration file.
    #[arg(long, short, global = true, env = "FLOW_SERVER_CONFIG")]
    config: Option<PathBuf>,
    /// Set one value, such as `--set rest.listen=127.0.0.1:8080`; may be repeated.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve,
    /// Bring the database's schema up to date, and end.
    Migrate,
    /// Take over the templates and tasks of an Iflearner Flow database. Says what it would do, and does it with --apply.
    ImportLegacy {
        /// The database, as mysql://user:password@host/name; it is only read.
        #[arg(long, value_name = "URL", env = "FLOW_IMPORT_FROM", hide_env_values = true)]
        from: String,
        /// Do it.
        #[arg(long)]
        apply: bool,
    },
    /// Print the OpenAPI document of the REST API.
    Openapi {
        /// That of `/api/v1`, the API of Iflearner Flow.
        #[arg(long)]
        legacy: bool,
    },
    /// Print every setting and where its value comes from.
    Config,
    /// Watch over one job; started by the center's agent, not by people.
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
    #[error("cannot migrate")]
    Migrate(#[from] ConnectError),
    #[error("cannot import")]
    Import(#[from] ImportError),
    #[error("cannot write the output")]
    Output(#[from] io::Error),
    #[error("cannot write the OpenAPI document")]
    Openapi(#[from] serde_json::Error),
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
    config::of_program("FLOW_SERVER", cli.config.as_deref(), &cli.set)
}

#[tokio::main]
async fn run(cli: &Cli) -> Result<(), Failure> {
    if let Command::Openapi { legacy } = cli.command {
        let document = if legacy {
            rest::legacy_openapi()
        } else {
            rest::openapi()
        };
        let document = document.to_pretty_json()?;
        return Ok(writeln!(io::stdout(), "{document}")?);
    }
    let loaded = load(cli)?;
    match &cli.command {
        Command::Config => Ok(write!(io::stdout(), "{}", loaded.render())?),
        Command::ImportLegacy { from, apply } => {
            let url = loaded.value.database_url();
            let _sole_use = SoleUse::of(&url, "flow-server")?;
            let store = Store::open(&url, 2).await?;
            let report = import::import(from, &store, *apply).await?;
            write!(io::stdout(), "{report}")?;
            if !apply {
                writeln!(io::stdout(), "nothing was changed: run it again with --apply")?;
            }
            Ok(())
        }
        Command::Migrate => {
            let config = loaded.value;
            Store::open(&config.database_url(), 1).await?;
            Ok(writeln!(io::stdout(), "the database is up to date")?)
        }
        _ => {
            let _logging = telemetry::init(&loaded.value.log)?;
            let shutdown = Shutdown::on_signals()?;
            Server::start(loaded.value, &shutdown).await?.join().await;
            Ok(())
        }
    }
}
