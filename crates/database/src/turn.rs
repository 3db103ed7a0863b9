//! Writers of a SQLite database take turns, and those that come together are committed together.

use std::{ops::Deref, sync::Arc};

use sea_orm::{
    DatabaseTransaction, DbBackend, DbErr, RuntimeErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use crate::{Database, failure};

/// How many may be committed together.
const MOST: usize = 64;

/// Whose turn it is to write. SQLite has one writer at a time, and who finds the lock taken sleeps and looks again, longer and longer: with
/// several writers the database is idle most of the time. Here each waits in a queue, and takes up no connection meanwhile.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Option<Arc<Mutex<Option<Group>>>>);

/// The right to write, until it is dropped; nothing on databases with many writers.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "it is held, not looked at")] Option<OwnedMutexGuard<Option<Group>>>);

/// One transaction in which several have written what they had to, one after the other. Each was told nothing yet: it is committed, or
/// rolled back, for all of them.
#[derive(Debug)]
pub(crate) struct Group {
    inner: DatabaseTransaction,
    stage: watch::Sender<Stage>,
    members: usize,
}

/// How far a group has come.
#[derive(Debug, Clone)]
enum Stage {
    /// Who ends it now rolls it back.
    Open,
    /// Who ends it now may have committed it.
    Committing,
    Ended(Result<(), DbErr>),
}

/// A transaction that may write. What is read or written in it is told to nobody before it is committed; dropped, it is rolled back.
#[derive(Debug)]
pub struct Transaction {
    // Ends before the turn does.
    inner: DatabaseTransaction,
    shared: Option<Shared>,
}

/// What a transaction has that others may write in too.
#[derive(Debug)]
struct Shared {
    stage: watch::Sender<Stage>,
    /// How many have written in it before.
    members: usize,
    turn: OwnedMutexGuard<Option<Group>>,
}

impl Deref for Transaction {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.inner
    }
}

impl Transaction {
    /// Commits it, together with those who wait to write.
    ///
    /// # Errors
    /// What the database says, or that another one's failure has undone it.
    pub async fn commit(self) -> Result<(), DbErr> {
        let Self { inner, shared } = self;
        let Some(Shared {
            stage,
            members,
            mut turn,
        }) = shared
        else {
            return inner.commit().await;
        };
        let mut seen = stage.subscribe();
        *turn = Some(Group {
            inner,
            stage,
            members: members + 1,
        });
        if members == 0 {
            // Whoever waits by now comes before it in the queue. It is not this caller's to give up: others depend on it.
            let turns = OwnedMutexGuard::mutex(&turn).clone();
            tokio::spawn(async move { end(&mut *turns.lock_owned().await).await });
        }
        drop(turn);
        // Whether it has ended or nobody is left to end it, the last stage says what it came to.
        let _ = seen.wait_for(|stage| matches!(stage, Stage::Ended(_))).await;
        let stage = seen.borrow().clone();
        match stage {
            Stage::Ended(outcome) => outcome,
            Stage::Open => Err(failure::undone()),
            Stage::Committing => Err(DbErr::Exec(RuntimeErr::Internal("the commit was given up".to_owned()))),
        }
    }
}

/// Commits what is open, and tells all who have written in it.
async fn end(open: &mut Option<Group>) {
    if let Some(Group { inner, stage, .. }) = open.take() {
        stage.send_replace(Stage::Committing);
        let outcome = inner.commit().await;
        stage.send_replace(Stage::Ended(outcome));
    }
}

impl Turns {
    pub(crate) fn of(backend: DbBackend) -> Self {
        Self((backend == DbBackend::Sqlite).then(Arc::default))
    }

    /// Waits for the turn, and has what is open committed if there is too much of it by then.
    async fn next(&self, most: usize) -> Option<OwnedMutexGuard<Option<Group>>> {
        let mut turn = self.0.as_ref()?.clone().lock_owned().await;
        if turn.as_ref().is_none_or(|group| group.members <= most) {
            return Some(turn);
        }
        // Not by this caller, who may give up: others depend on it.
        let ended = tokio::spawn(async move {
            end(&mut turn).await;
            turn
        });
        match ended.await {
            Ok(turn) => Some(turn),
            // The runtime ends.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Database {
    /// Waits for the turn to write, for a statement that is a transaction of its own.
    pub async fn turn(&self) -> Turn {
        Turn(self.turns.next(0).await)
    }

    /// A transaction that may write, together with others where the database has one writer at a time: if one of them fails after it
    /// has written, all are rolled back, and are to be tried again. SQLite must say so at its beginning, or two could wait for each other.
    ///
    /// # Errors
    /// If the database does not begin it.
    pub async fn join(&self) -> Result<Transaction, DbErr> {
        self.enter(MOST - 1).await
    }

    /// The same, with what others write before it or after it in transactions of their own: what is likely to fail harms nobody.
    ///
    /// # Errors
    /// If the database does not begin it.
    pub async fn begin(&self) -> Result<Transaction, DbErr> {
        self.enter(0).await
    }

    async fn enter(&self, most: usize) -> Result<Transaction, DbErr> {
        let turn = self.turns.next(most).await;
        let Some(mut turn) = turn else {
            return Ok(Transaction {
                inner: self.writer.begin().await?,
                shared: None,
            });
        };
        if let Some(Group { inner, stage, members }) = turn.take() {
            return Ok(Transaction {
                inner,
                shared: Some(Shared { stage, members, turn }),
            });
        }
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(Transaction {
            inner: self.writer.begin_with_options(options).await?,
            shared: Some(Shared {
                stage: watch::Sender::new(Stage::Open),
                members: 0,
                turn,
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use flow_migrations::Migrator;
    use sea_orm::{ConnectionTrait, DbBackend, Statement};

    use super::*;
    use crate::{Cause, cause};

    async fn open(folder: &tempfile::TempDir) -> Database {
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        let db = Database::open::<Migrator>(&url, 2).await.unwrap();
        db.execute_unprepared("CREATE TABLE row (id INTEGER)").await.unwrap();
        db
    }

    async fn rows(db: &Database) -> i64 {
        let count = Statement::from_string(DbBackend::Sqlite, "SELECT COUNT(*) FROM row");
        let row = db.query_one_raw(count).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }

    async fn write(tx: &Transaction) {
        tx.execute_unprepared("INSERT INTO row (id) VALUES (1)").await.unwrap();
    }

    /// Two that write: the second waits when the first is ready to be committed.
    async fn two(
        db: &Database,
        second: impl Future<Output = Result<(), DbErr>> + Send + 'static,
    ) -> (Result<(), DbErr>, Result<(), DbErr>) {
        let first = db.join().await.unwrap();
        write(&first).await;
        let second = tokio::spawn(second);
        // There is one thread: it runs until it waits for the first one.
        tokio::task::yield_now().await;
        let first = first.commit().await;
        (first, second.await.unwrap())
    }

    #[tokio::test]
    async fn who_waits_is_committed_together_with_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder).await;
        let other = db.clone();
        let (first, second) = two(&db, async move {
            let tx = other.join().await?;
            assert_eq!(tx.shared.as_ref().map(|shared| shared.members), Some(1));
            write(&tx).await;
            tx.commit().await
        })
        .await;
        assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
        assert_eq!(rows(&db).await, 2);
    }

    #[tokio::test]
    async fn who_fails_undoes_those_it_shared_with_and_they_are_told_to_try_again() {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder).await;
        let other = db.clone();
        let (first, _) = two(&db, async move {
            let tx = other.join().await?;
            write(&tx).await;
            drop(tx);
            Ok(())
        })
        .await;
        assert_eq!(cause(&first.unwrap_err()), Cause::Conflict);
        let again = db.join().await.unwrap();
        write(&again).await;
        again.commit().await.unwrap();
        assert_eq!(rows(&db).await, 1);
    }

    #[tokio::test]
    async fn who_begins_alone_harms_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder).await;
        let other = db.clone();
        let (first, _) = two(&db, async move {
            let tx = other.begin().await?;
            write(&tx).await;
            drop(tx);
            Ok(())
        })
        .await;
        assert!(first.is_ok(), "{first:?}");
        assert_eq!(rows(&db).await, 1);
    }

    #[tokio::test]
    async fn all_of_many_writers_are_stored() {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder).await;
        let writers = (0..3 * MOST).map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                let tx = db.join().await?;
                write(&tx).await;
                tx.commit().await
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap().unwrap();
        }
        assert_eq!(rows(&db).await, i64::try_from(3 * MOST).unwrap());
    }
}
