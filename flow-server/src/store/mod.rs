//! The database: SQLite by default, MySQL by configuration, the same code for both.

mod connect;
mod document;
mod events;
mod gang;
mod idempotency;
mod party;
mod task;
mod template;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, RuntimeErr, SqlErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};

pub(crate) use self::gang::parties_to_tell;
pub use self::{
    connect::{ConnectError, migrate},
    events::StoredEvent,
    gang::{Loaded, RunFilter},
    idempotency::{Claim, Created},
};

/// What is stored. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    db: DatabaseConnection,
}

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
    /// The database did not do it.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
}

impl StoreError {
    /// Whether the database is away, and the same call may work later.
    pub fn is_away(&self) -> bool {
        matches!(
            self,
            Self::Database(DbErr::Conn(_) | DbErr::ConnectionAcquire(_) | DbErr::Exec(RuntimeErr::Internal(_)))
        )
    }
}

fn is_duplicate(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

impl Store {
    /// A transaction that may write: SQLite must say so at its beginning, or two of them could wait for each other.
    async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        self.db.begin_with_options(options).await
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// What it says instead.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.db.execute_unprepared("SELECT 1").await.map(drop)?)
    }

    /// Waits for statements under way and closes the connections.
    ///
    /// # Errors
    /// What the database says.
    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.db.close().await?)
    }
}

/// The JSON of a value. Our own types have text keys only, which is all that could go wrong.
fn to_json<T: serde::Serialize>(what: &'static str, value: &T) -> Result<serde_json::Value, StoreError> {
    serde_json::to_value(value).map_err(|source| StoreError::Unreadable { what, source })
}

fn from_json<T: serde::de::DeserializeOwned>(what: &'static str, value: serde_json::Value) -> Result<T, StoreError> {
    serde_json::from_value(value).map_err(|source| StoreError::Unreadable { what, source })
}
