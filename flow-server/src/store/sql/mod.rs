//! The store in a database: SQLite by default, MySQL by configuration, the same code for both.

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
mod shared;
mod task;
mod template;
mod tries;
mod turn;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, QueryResult,
    sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement},
};

pub use self::connect::{ConnectError, migrate};
pub(super) use self::failure::{Cause, cause};
use self::turn::Turns;
use super::{
    StoreError,
    kinds::{Claim, Created, KEPT, Loaded, Queue, RunFilter, StoredEvent, TAKES, WAITS, said_to, standing},
    shared::ServerId,
};

/// A database with its connections.
#[derive(Clone, Debug)]
pub(super) struct Sql {
    db: DatabaseConnection,
    turns: Turns,
    /// The server that uses it, where others may too: they are told of every change.
    me: Option<ServerId>,
}

impl Sql {
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

    /// The database as that server's.
    pub(super) fn used_by(mut self, server: ServerId) -> Self {
        self.me = self.is_shared().then_some(server);
        self
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// What it says instead.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        let ping = async { Ok(self.db.execute_unprepared("SELECT 1").await.map(drop)?) };
        tries::bounded(ping).await
    }

    /// Calls `see` with every statement from now on, for tests that explain them and for measuring.
    #[doc(hidden)]
    pub(super) fn see_statements(&mut self, see: impl Fn(&sea_orm::metric::Info<'_>) + Send + Sync + 'static) {
        self.db.set_metric_callback(see);
    }

    /// Waits for statements under way and closes the connections.
    ///
    /// # Errors
    /// What the database says.
    pub(super) async fn close(self) -> Result<(), StoreError> {
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
