//! What is measured, and how much of it.

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Measures a flow-server over its real protocols.
#[derive(Debug, Parser)]
#[command(name = "flow-bench", version)]
pub(crate) struct Asked {
    /// What.
    #[command(subcommand)]
    pub(crate) suite: Suite,
    /// How.
    #[command(flatten)]
    pub(crate) options: Options,
}

/// What is measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Suite {
    /// Starts, agents, a restart and long lists of runs.
    Dispatch(Dispatch),
    /// Requests of `/api/v1` and `/api/v2`, beside the database's own rate of their statements.
    Rest,
}

/// Which measurements.
#[derive(Debug, Args)]
pub(crate) struct Dispatch {
    /// Only these measurements, such as `--only a,e`; all if absent.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Letter>,
}

impl Dispatch {
    /// Whether it is to be measured.
    pub(crate) fn wants(&self, letter: Letter) -> bool {
        self.only.is_empty() || self.only.contains(&letter)
    }
}

/// Where it is measured, and how much of it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only on these databases; all if absent.
    #[arg(long, value_delimiter = ',', global = true)]
    on: Vec<Kind>,
    /// Fewer agents, runs, requests and rows: for developers. Its figures are no measure of the limits.
    #[arg(long, global = true)]
    quick: bool,
    /// What the server logs. Its default is the server's own.
    #[arg(long, default_value = "info", global = true)]
    pub(crate) log: String,
    /// Keep the folder with the server's logs and databases, and say where it is.
    #[arg(long, global = true)]
    pub(crate) keep: bool,
}

/// The measurements by their letters in docs/benchmarks.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Letter {
    /// From the start over REST until all parties are told.
    A,
    /// Starts per second.
    B,
    /// Idle agents.
    C,
    /// A restart with a full queue.
    D,
    /// A page of a long list.
    E,
}

impl Letter {
    /// As it is written.
    pub(crate) fn name(self) -> char {
        match self {
            Self::A => 'a',
            Self::B => 'b',
            Self::C => 'c',
            Self::D => 'd',
            Self::E => 'e',
        }
    }
}

/// The kinds of databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    /// A file.
    Sqlite,
    /// A server of one's own.
    Mariadb,
}

impl Kind {
    /// Its name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Mariadb => "MariaDB",
        }
    }
}

impl Options {
    /// The databases to measure on.
    pub(crate) fn kinds(&self) -> Vec<Kind> {
        let all = [Kind::Sqlite, Kind::Mariadb];
        all.into_iter()
            .filter(|kind| self.on.is_empty() || self.on.contains(kind))
            .collect()
    }

    /// One of two amounts: the real one, or the one of a quick look.
    pub(crate) fn amount(&self, real: usize, quick: usize) -> usize {
        if self.quick { quick } else { real }
    }
}
