//! What may be asked of flowctl.

mod local;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use flow_domain::{RunState, Span};

pub use self::local::{Demo, Issue, Pki, Place, Up};
use crate::{exit, output::Format};

/// Schedules federated training over parties that keep their data to themselves.
#[derive(Debug, Parser)]
#[command(name = "flowctl", version, after_help = exit::help(), propagate_version = true, max_term_width = 110)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// The server's address [env: FLOWCTL_SERVER] [default: http://127.0.0.1:1235]
    #[arg(long, global = true, value_name = "URL", help_heading = "Global options")]
    pub server: Option<String>,
    /// The authority that an https server's certificate is signed by [env: FLOWCTL_CA_FILE]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub ca_file: Option<String>,
    /// How long one request may take [env: FLOWCTL_REQUEST_TIMEOUT] [default: 30s]
    #[arg(long, global = true, value_name = "SPAN", help_heading = "Global options")]
    pub request_timeout: Option<String>,
    /// How results are written [env: FLOWCTL_OUTPUT] [default: table]
    #[arg(short, long, global = true, value_enum, help_heading = "Global options")]
    pub output: Option<Format>,
    /// The configuration file [env: FLOWCTL_CONFIG] [default: $XDG_CONFIG_HOME/iflearner-flow/flowctl.toml]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub config: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// What is trained, and how it is started
    #[command(subcommand)]
    Template(Stored),
    /// A template with participants and policies
    #[command(subcommand)]
    Task(Stored),
    /// Executions of a task
    #[command(subcommand)]
    Run(Run),
    /// The members of the federation
    #[command(subcommand)]
    Party(Party),
    /// Show what the members of a run write
    Logs(Logs),
    /// Say why a run is as it is, and what to do next
    Why {
        /// A run's id, a unique beginning of it (6 digits or more), or 'latest'
        run: String,
    },
    /// Certificates of the federation
    #[command(subcommand)]
    Pki(Pki),
    /// Run the whole platform in this process: a server and agents, until Ctrl-C
    Up(Up),
    /// Train on handwritten digits with the real iflearner, through the whole platform, on this machine
    Demo(Demo),
    /// Show every setting and where it comes from
    Config,
    /// Watches one assignment of the agent within this program.
    #[command(hide = true)]
    Supervise {
        /// The assignment's folder.
        dir: PathBuf,
    },
}

/// What can be done with things that are stored by name.
#[derive(Debug, Subcommand)]
pub enum Stored {
    /// Create what a YAML or JSON file says; several documents are created in their order
    Create {
        /// The file; '-' is the standard input
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
    },
    /// List them, newest first
    List(Length),
    /// Show one or more in short
    Get(Names),
    /// Show one or more with all there is to know
    Describe(Names),
    /// Delete one or more
    Delete(Names),
}

/// How much of a list.
#[derive(Debug, Args)]
pub struct Length {
    /// At most so many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
}

/// Which things.
#[derive(Debug, Args)]
pub struct Names {
    /// Ids or names
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
}

/// Which runs.
#[derive(Debug, Args)]
pub struct Runs {
    /// A run's id, a unique beginning of it (6 digits or more), or 'latest'
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<String>,
}

/// What can be done with runs.
#[derive(Debug, Subcommand)]
pub enum Run {
    /// Start a run of a task
    Start(Start),
    /// List runs, newest first
    List {
        /// Only those of this task, by id or name
        #[arg(long)]
        task: Option<String>,
        /// Only those in this state
        #[arg(long, value_parser = state, value_name = "STATE")]
        state: Option<RunState>,
        /// How much of the list.
        #[command(flatten)]
        length: Length,
    },
    /// Show one or more in short
    Get(Runs),
    /// Show one or more with their attempts and members
    Describe(Runs),
    /// Wait until a run has ended; the exit code says how
    Wait {
        /// A run's id, a unique beginning of it (6 digits or more), or 'latest'
        run: String,
        /// Give up after so long, with exit code 8; the run goes on
        #[arg(long, value_name = "SPAN")]
        timeout: Option<Span>,
    },
    /// Cancel one or more; what runs of them is stopped
    Cancel(Runs),
    /// Approve one or more that wait for it
    Approve(Approve),
    /// Reject one or more that wait for approval
    Reject(Reject),
    /// Show what happened to a run
    Events {
        /// A run's id, a unique beginning of it (6 digits or more), or 'latest'
        run: String,
        /// Go on until the run has ended
        #[arg(short, long)]
        follow: bool,
    },
}

/// Which runs are approved.
#[derive(Debug, Args)]
pub struct Approve {
    /// Which.
    #[command(flatten)]
    pub runs: Runs,
    /// Who approves, for the run's events
    #[arg(long, value_name = "PERSON")]
    pub by: Option<String>,
    /// Why, for the run's events
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
}

/// Which runs are rejected.
#[derive(Debug, Args)]
pub struct Reject {
    /// Which.
    #[command(flatten)]
    pub runs: Runs,
    /// Who rejects, for the run's events
    #[arg(long, value_name = "PERSON")]
    pub by: Option<String>,
    /// Why, for whoever started the run
    #[arg(long, value_name = "TEXT")]
    pub comment: String,
}

/// How a run is started.
#[derive(Debug, Args)]
pub struct Start {
    /// The task, by id or name
    pub task: String,
    /// A hyper-parameter over that of the task; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = crate::commands::run::assignment)]
    pub set: Vec<(String, flow_domain::template::Scalar)>,
    /// A switch of the framework to turn on; may be repeated
    #[arg(long = "switch", value_name = "NAME")]
    pub switches: Vec<String>,
    /// Wait until it has ended; the exit code says how
    #[arg(long)]
    pub wait: bool,
    /// With --wait: give up after so long, with exit code 8; the run goes on
    #[arg(long, value_name = "SPAN", requires = "wait")]
    pub timeout: Option<Span>,
}

/// What can be done with parties.
#[derive(Debug, Subcommand)]
pub enum Party {
    /// List them
    List(Length),
    /// Show one or more in short
    Get(Names),
    /// Show one or more with all there is to know
    Describe(Names),
}

/// Which log lines.
#[derive(Debug, Args)]
pub struct Logs {
    /// A run's id, a unique beginning of it (6 digits or more), or 'latest'
    pub run: String,
    /// Go on until the run has ended
    #[arg(short, long)]
    pub follow: bool,
    /// Only of this party
    #[arg(long)]
    pub party: Option<String>,
    /// Only of this role
    #[arg(long)]
    pub role: Option<String>,
    /// Only so many lines from the end of each log; 100 if not given
    #[arg(long, value_name = "N")]
    pub tail: Option<u32>,
    /// Only lines from then on, such as 2026-11-20T09:30:00Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<flow_domain::Timestamp>,
    /// Of the container before its last restart
    #[arg(long)]
    pub previous: bool,
    /// Of this attempt, from 1; without it the newest
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub attempt: Option<u32>,
}

fn state(text: &str) -> Result<RunState, String> {
    let same = |state: &RunState| state.to_string().eq_ignore_ascii_case(text);
    RunState::ALL.into_iter().find(same).ok_or_else(|| {
        let names = RunState::ALL.map(|state| state.to_string());
        let hint = flow_domain::nearest::hint(text, names.iter().map(String::as_str));
        format!("there are {}{hint}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_definitions_agree_with_each_other() {
        super::Cli::command().debug_assert();
    }
}
