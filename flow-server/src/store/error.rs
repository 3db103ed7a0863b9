//! Why the store did not do what it was asked for.

use flow_database::{Trouble, is_away};
use sea_orm::DbErr;

/// Why the store did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The name belongs to another one.
    #[error("the name '{0}' is taken: choose another, or change the one that has it")]
    NameTaken(String),
    /// It was changed since it was read, or is gone.
    #[error("it was changed since it was read: read it again")]
    Stale,
    /// Something else refers to it.
    #[error("it is in use by {0}: delete that first")]
    InUse(String),
    /// The idempotency key was used for another request.
    #[error("this idempotency key was used for another request: use a fresh key for each new request")]
    KeyReused,
    /// A row holds what this version cannot read.
    #[error("stored {what} cannot be read: was it written by a newer version?")]
    Unreadable {
        /// What it was.
        what: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Another server does this by now.
    #[error("another server has taken over the {0}")]
    TakenOver(&'static str),
    /// The database did not do it.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
}

impl StoreError {
    /// Whether the database is away or too busy, and the same call may work later. Of a write it is not known then
    /// whether it was done, if the database stayed away; an idempotency key makes it safe to repeat.
    pub fn is_away(&self) -> bool {
        self.of_database().is_some_and(is_away)
    }
}

impl Trouble for StoreError {
    fn of_database(&self) -> Option<&DbErr> {
        match self {
            Self::Database(error) => Some(error),
            _ => None,
        }
    }
}
