//! What each command does.

pub mod config;
pub mod logs;
pub mod party;
pub mod pki;
pub mod run;
pub mod stored;
pub mod up;
pub mod wait;
pub mod why;

use flow_api::{TaskView, TemplateView};
use flow_daemon::config::Loaded;

use crate::{
    Exit, Failure,
    cli::{Cli, Command},
    client::Client,
    demo,
    output::Output,
    settings::{self, Settings},
};

/// What a command that asks the server needs.
pub struct Session {
    /// The server.
    pub client: Client,
    /// Where results go.
    pub output: Output,
}

impl Session {
    fn new(settings: &Loaded<Settings>) -> Result<Self, Failure> {
        Ok(Self {
            client: Client::new(&settings.value)?,
            output: Output::new(settings.value.output),
        })
    }
}

/// Runs a command.
///
/// # Errors
/// Whatever kept it from being done.
pub async fn run(cli: Cli) -> Result<Exit, Failure> {
    let settings = || settings::load(&cli.global);
    let session = || Session::new(&settings()?);
    match &cli.command {
        Command::Template(command) => stored::run::<TemplateView>(&session()?, command).await,
        Command::Task(command) => stored::run::<TaskView>(&session()?, command).await,
        Command::Run(command) => run::run(&session()?, command).await,
        Command::Party(command) => party::run(&session()?, command).await,
        Command::Logs(query) => logs::run(&session()?, query).await,
        Command::Why { run } => why::run(&session()?, run).await,
        Command::Pki(command) => pki::run(&Output::new(settings()?.value.output), command),
        Command::Up(asked) => up::run(&Output::new(settings()?.value.output), asked).await,
        Command::Demo(asked) => {
            let settings = settings()?.value;
            demo::run(&Output::new(settings.output), &settings, asked).await
        }
        Command::Config => config::run(&settings()?),
        Command::Supervise { .. } => Err(Failure::internal("a supervisor has a process of its own")),
    }
}
