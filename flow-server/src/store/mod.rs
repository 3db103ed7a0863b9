//! The database: SQLite by default, MySQL by configuration, the same code for both.

mod change;
mod connect;
mod document;
mod events;
mod failure;
mod gang;
mod idempotency;
mod list;
mod party;
mod queue;
mod task;
mod template;
mod tries;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, QueryResult, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
    sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement},
};

use self::failure::{Cause, cause};
pub use self::{
    connect::{ConnectError, migrate},
    events::StoredEvent,
    gang::Loaded,
    idempotency::{Claim, Created},
    list::RunFilter,
    queue::Queue,
};
pub(crate) use self::{gang::parties_to_tell, queue::said};

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
    /// Whether the database is away or too busy, and the same call may work later. Of a write it is not known then
    /// whether it was done, if the database stayed away; an idempotency key makes it safe to repeat.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Database(error) if cause(error) != Cause::Other)
    }
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

    /// The row that a query finds.
    async fn row(&self, select: &SelectStatement) -> Result<Option<QueryResult>, StoreError> {
        tries::bounded(async { Ok(self.db.query_one(select).await?) }).await
    }

    /// All rows that a query finds.
    async fn rows(&self, select: &SelectStatement) -> Result<Vec<QueryResult>, StoreError> {
        tries::bounded(async { Ok(self.db.query_all(select).await?) }).await
    }

    /// Whether there is a row of that id, once every transaction that might write it has ended.
    async fn has_row(&self, table: &str, id: &str) -> Result<bool, StoreError> {
        let mut select = Query::select();
        select
            .column(Alias::new("id"))
            .from(Alias::new(table))
            .and_where(Expr::col("id").eq(id));
        self.lock(&mut select);
        Ok(self.db.query_one(&select).await?.is_some())
    }

    /// Makes a query wait for open transactions. SQLite has one writer at a time, and its transactions end with their
    /// connection.
    fn lock(&self, select: &mut SelectStatement) {
        if self.db.get_database_backend() == DbBackend::MySql {
            select.lock_exclusive();
        }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// What it says instead.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let ping = async { Ok(self.db.execute_unprepared("SELECT 1").await.map(drop)?) };
        tries::bounded(ping).await
    }

    /// Calls `see` with every statement from now on, for tests that explain them and for measuring.
    #[doc(hidden)]
    pub fn see_statements(&mut self, see: impl Fn(&sea_orm::metric::Info<'_>) + Send + Sync + 'static) {
        self.db.set_metric_callback(see);
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
