//! A database as our programs use it: SQLite in a file, or MySQL and MariaDB, the same code for both. It is opened and migrated, or it is
//! said why not; writers of a file take turns; a write ends one way or the other, whatever becomes of the connection.
//!
//! What is stored is not known here: the server's store and the agent's journal are built on this.

mod connect;
mod failure;
mod sole;
mod tries;
mod turn;

use std::{ops::Deref, sync::Arc};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, QueryResult,
    sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement},
};

use self::turn::Turns;
pub use self::{
    connect::{ConnectError, migrate, only_read},
    failure::{Cause, cause, is_away, is_duplicate},
    sole::SoleUse,
    tries::{Failed, LIMIT, Tries, Trouble, bounded, commit},
    turn::{Transaction, Turn},
};

/// A database with its connections. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    connection: DatabaseConnection,
    /// The connection that writes, where there is one writer at a time: it alone knows what it has read still to be so.
    writer: DatabaseConnection,
    turns: Turns,
}

impl Deref for Database {
    type Target = DatabaseConnection;

    fn deref(&self) -> &DatabaseConnection {
        &self.connection
    }
}

impl Database {
    /// The row that a query finds.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn row(&self, select: &SelectStatement) -> Result<Option<QueryResult>, DbErr> {
        bounded(async { self.query_one(select).await }).await
    }

    /// All rows that a query finds.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn rows(&self, select: &SelectStatement) -> Result<Vec<QueryResult>, DbErr> {
        bounded(async { self.query_all(select).await }).await
    }

    /// Whether there is a row of that id, once every transaction that might write it has ended.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn has_row(&self, table: &str, id: &str) -> Result<bool, DbErr> {
        let mut select = Query::select();
        select
            .column(Alias::new("id"))
            .from(Alias::new(table))
            .and_where(Expr::col("id").eq(id));
        self.lock(&mut select);
        Ok(self.query_one(&select).await?.is_some())
    }

    /// Makes a query wait for open transactions. SQLite has one writer at a time, and its transactions end with their connection.
    pub fn lock(&self, select: &mut SelectStatement) {
        if self.is_shared() {
            select.lock_exclusive();
        }
    }

    /// Whether several programs may use it at a time.
    pub fn is_shared(&self) -> bool {
        self.get_database_backend() == DbBackend::MySql
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// What it says instead.
    pub async fn ping(&self) -> Result<(), DbErr> {
        bounded(async { self.execute_unprepared("SELECT 1").await.map(drop) }).await
    }

    /// Calls `see` with every statement from now on, for tests that explain them and for measuring.
    #[doc(hidden)]
    pub fn see_statements(&mut self, see: impl Fn(&sea_orm::metric::Info<'_>) + Send + Sync + 'static) {
        let see = Arc::new(see);
        let also = see.clone();
        self.connection.set_metric_callback(move |info| see(info));
        self.writer.set_metric_callback(move |info| also(info));
    }

    /// Waits for statements under way and closes the connections.
    ///
    /// # Errors
    /// What the database says.
    pub async fn close(self) -> Result<(), DbErr> {
        self.writer.close().await?;
        self.connection.close().await
    }
}
