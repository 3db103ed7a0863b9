//! Writers of a SQLite database take turns.

use std::{ops::Deref, sync::Arc};

use sea_orm::{DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode, TransactionOptions, TransactionTrait};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::Database;

/// Whose turn it is to write. SQLite has one writer at a time, and who finds the lock taken sleeps and looks again, longer and longer: with
/// several writers the database is idle most of the time. Here each waits in a queue, and takes up no connection meanwhile.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Option<Arc<Mutex<()>>>);

/// The right to write, until it is dropped; nothing on databases with many writers.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "it is held, not looked at")] Option<OwnedMutexGuard<()>>);

/// A transaction that may write.
#[derive(Debug)]
pub struct Transaction {
    // Ends before the turn does.
    inner: DatabaseTransaction,
    _turn: Turn,
}

impl Deref for Transaction {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.inner
    }
}

impl Transaction {
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        self.inner.commit().await
    }
}

impl Turns {
    pub(crate) fn of(backend: DbBackend) -> Self {
        Self((backend == DbBackend::Sqlite).then(Arc::default))
    }
}

impl Database {
    /// Waits for the turn to write, for a statement that is a transaction of its own.
    pub async fn turn(&self) -> Turn {
        Turn(match &self.turns.0 {
            Some(turns) => Some(turns.clone().lock_owned().await),
            None => None,
        })
    }

    /// A transaction that may write: SQLite must say so at its beginning, or two of them could wait for each other.
    ///
    /// # Errors
    /// If the database does not begin it.
    pub async fn begin(&self) -> Result<Transaction, DbErr> {
        let turn = self.turn().await;
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(Transaction {
            inner: self.connection.begin_with_options(options).await?,
            _turn: turn,
        })
    }
}
