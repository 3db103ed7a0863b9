//! Framework profiles: how a framework's programs launch, when they are ready and when they are done, as data.
//!
//! Why each field is needed was learned from real frameworks; `docs/frameworks.md` says what from which.

mod builtin;
mod check;
pub mod expand;
mod parse;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::{
    builtin::{builtin, builtin_names},
    check::ProfileError,
};
use crate::{policy::Deadlines, reason::Reason, template::Scalar, time::Span};

/// What happens to a gang when one of its members fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// Everything is stopped and started anew: the framework knows no rejoin.
    #[default]
    Gang,
    /// Only the member is started anew, unless it is the aggregation role.
    Member,
}

/// Where the members of a role run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// Once, at the agent that hosts the aggregation: the center, or the party that the task names.
    Aggregator,
    /// Once at every participant, beside its data.
    EachParty,
}

/// When a started member counts as ready, so that roles which come after it may start.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Readiness {
    /// As soon as its process runs.
    #[default]
    Started,
    /// When a TCP connection to the port is accepted.
    Tcp {
        /// The name of the port.
        port: String,
    },
    /// When a GET answers with the status.
    Http {
        /// The name of the port.
        port: String,
        /// The path to ask for.
        path: String,
        /// The status that means ready.
        #[serde(default = "ok")]
        status: u16,
    },
    /// When a line of its log matches.
    Log {
        /// A regular expression.
        pattern: String,
    },
}

fn ok() -> u16 {
    200
}

/// Where the progress of members is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ProgressSource {
    /// A JSON object of member name to fields, served by this role's process.
    StatusJson {
        /// The name of the port.
        port: String,
        /// The path to ask for.
        path: String,
        /// The field that holds the round.
        round: String,
        /// The field that holds the number of rounds.
        total: Option<String>,
        /// The field that is true once the member is done.
        complete: Option<String>,
    },
    /// Lines of this role's own log; named groups `round` and `total` are read.
    Log {
        /// A regular expression.
        pattern: String,
    },
}

/// One element of an argument list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Arg {
    /// One argument, with placeholders.
    Plain(String),
    /// Arguments that are there only while switches are on.
    When {
        /// The switch; several with ` and ` between them.
        when: String,
        /// The arguments.
        argv: Vec<String>,
    },
}

/// One kind of process that a job of this framework has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Where its members run.
    pub placement: Placement,
    /// The command, element by element: no shell takes part.
    pub argv: Vec<Arg>,
    /// Its environment. Nothing else is inherited.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The ports it listens on, by name.
    #[serde(default)]
    pub ports: Vec<String>,
    /// Folders that it writes to, relative to its working directory.
    #[serde(default)]
    pub writable: Vec<String>,
    /// Roles whose members must all be ready before a member of this one starts.
    #[serde(default)]
    pub start_after: Vec<String>,
    /// When a member counts as ready.
    #[serde(default)]
    pub ready: Readiness,
    /// Whether a member has to appear in the progress before the run counts as running.
    #[serde(default)]
    pub registers: bool,
    /// Where progress is read, if at this role.
    #[serde(default)]
    pub progress: Option<ProgressSource>,
    /// Patterns of log lines that carry metrics, with groups `name` and `value`, and `round` where it is said.
    #[serde(default)]
    pub metrics: Vec<String>,
}

/// What tells that a member is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DoneBy {
    /// Its process ended with a success code.
    #[default]
    Exit,
    /// Its progress says that it is complete.
    Status,
}

/// When a run has succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Completion {
    /// All members of all these roles must be done. What still runs then is stopped.
    pub roles: Vec<String>,
    /// What tells that one is.
    #[serde(default)]
    pub by: DoneBy,
}

/// How a framework's programs launch and fail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The framework's name.
    pub name: String,
    /// What it is, in a sentence.
    #[serde(default)]
    pub summary: String,
    /// What happens when a member fails.
    #[serde(default)]
    pub restart: Restart,
    /// Whether a run may begin with fewer parties than its task names, where the task says so: its programs learn the number at their
    /// start, and it stays.
    #[serde(default)]
    pub fewer: bool,
    /// A launcher that the agent ships, put before programs as `{launcher}`.
    #[serde(default)]
    pub launcher: Option<String>,
    /// Switches that a task may turn on.
    #[serde(default)]
    pub switches: Vec<String>,
    /// Default hyper-parameters. They are given to programs by this profile; others are appended.
    #[serde(default)]
    pub hyperparameters: BTreeMap<String, Scalar>,
    /// Default deadlines.
    #[serde(default)]
    pub deadlines: Deadlines,
    /// How long a process may take to end after TERM, before it is killed.
    #[serde(default = "ten_seconds")]
    pub grace: Span,
    /// Exit codes that mean success.
    #[serde(default = "zero")]
    pub success_codes: Vec<i32>,
    /// Exit codes whose reason is known.
    #[serde(default)]
    pub exit_codes: BTreeMap<String, Reason>,
    /// The roles of a job.
    pub roles: BTreeMap<String, Role>,
    /// When a run has succeeded.
    pub completion: Completion,
}

fn ten_seconds() -> Span {
    Span::secs(10)
}

fn zero() -> Vec<i32> {
    vec![0]
}

/// The framework launchers that agents ship.
pub const LAUNCHERS: &[&str] = &["iflearner"];

/// The switch that is on unless a template opts out of the framework launcher.
pub const LAUNCHER_SWITCH: &str = "launcher";

/// The end of the switches that are on while members of another role (`server.tls`), or the others of one's own (`peers.tls`), are
/// reached over TLS.
pub const TLS_SWITCH: &str = ".tls";

/// The switches that arguments depend on.
pub(crate) fn conditions(when: &str) -> impl Iterator<Item = &str> {
    when.split(" and ").map(str::trim)
}

impl Profile {
    /// The role that runs beside the data: the one that a template's `command` is for.
    pub fn data_role(&self) -> Option<&str> {
        self.roles
            .iter()
            .find(|(_, role)| role.placement == Placement::EachParty)
            .map(|(name, _)| name.as_str())
    }
}
