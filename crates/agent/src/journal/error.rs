//! Why the journal did not do what it was asked for.

use std::path::PathBuf;

use flow_database::{ConnectError, Trouble};
use sea_orm::DbErr;

/// Why the journal did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Its database cannot be used.
    #[error("cannot use the journal: check journal.url")]
    Open(#[from] ConnectError),
    /// The list of an earlier version cannot be read or taken away.
    #[error("cannot take over {path} into the journal: check that it may be read and removed")]
    TakeOver {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It has not been reached since the agent started.
    #[error("the journal's database is away: try again later")]
    Away,
    /// An entry holds what this version cannot read.
    #[error("a stored {what} cannot be read: was it written by a newer version?")]
    Unreadable {
        /// What it was.
        what: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The database did not do it.
    #[error("the journal's database did not answer")]
    Database(#[from] DbErr),
}

impl JournalError {
    /// Whether the database is away, and the same may work later.
    #[must_use]
    pub fn is_away(&self) -> bool {
        match self {
            Self::Away => true,
            Self::Database(error) => flow_database::is_away(error),
            Self::Open(ConnectError::Open { source, .. } | ConnectError::Migrate { source, .. }) => {
                flow_database::is_away(source)
            }
            _ => false,
        }
    }
}

impl Trouble for JournalError {
    fn of_database(&self) -> Option<&DbErr> {
        match self {
            Self::Database(error) => Some(error),
            _ => None,
        }
    }
}
