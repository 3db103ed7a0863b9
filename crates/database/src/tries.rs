//! Writes that end one way or the other: again after a conflict, and decided where the answer to a commit was lost.

use std::{fmt::Display, future::Future, time::Duration};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use sea_orm::{DbErr, RuntimeErr};

use crate::{
    failure::{Cause, cause, is_away},
    turn::Transaction,
};

/// An error of what is built on a database, which may be the database's own.
pub trait Trouble: From<DbErr> + Display + Send {
    /// What the database said, if it is that.
    fn of_database(&self) -> Option<&DbErr>;
}

/// No call takes longer, whatever the database does.
pub const LIMIT: Duration = Duration::from_secs(9);

/// How often a write is tried again after conflicts, and how long it pauses before: some 5 s in all.
const MOST: usize = 16;
const SHORTEST: Duration = Duration::from_millis(4);
const LONGEST: Duration = Duration::from_millis(500);

/// A try that did not succeed.
#[derive(Debug)]
pub enum Failed<T, E> {
    /// Nothing was done.
    Refused(E),
    /// The commit was sent and no answer came: it was done with this answer, or not at all.
    Unknown {
        /// What it comes to if it was done.
        answer: T,
        /// How the connection was lost.
        source: DbErr,
    },
}

impl<T, E: Trouble> From<E> for Failed<T, E> {
    fn from(error: E) -> Self {
        Self::Refused(error)
    }
}

impl<T, E: Trouble> From<DbErr> for Failed<T, E> {
    fn from(error: DbErr) -> Self {
        Self::Refused(error.into())
    }
}

impl<T, E: Trouble> Failed<T, E> {
    /// The failure of a commit, or of a statement that is a transaction of its own.
    pub fn of_statement(error: DbErr, answer: T) -> Self {
        match cause(&error) {
            Cause::Lost => Self::Unknown { answer, source: error },
            _ => Self::Refused(error.into()),
        }
    }
}

/// Commits; `answer` is what the transaction comes to if that succeeds.
///
/// # Errors
/// If it was refused, or no answer came.
pub async fn commit<T, E: Trouble>(tx: Transaction, answer: T) -> Result<T, Failed<T, E>> {
    match tx.commit().await {
        Ok(()) => Ok(answer),
        Err(error) => Err(Failed::of_statement(error, answer)),
    }
}

/// How often one write is tried.
#[derive(Debug)]
pub struct Tries(ExponentialBackoff);

impl Default for Tries {
    fn default() -> Self {
        Self(
            ExponentialBuilder::new()
                .with_min_delay(SHORTEST)
                .with_max_delay(LONGEST)
                .with_max_times(MOST)
                // Those that were in each other's way come back apart.
                .with_jitter()
                .build(),
        )
    }
}

impl Tries {
    /// Decides about a try that failed: `Some` if it was done after all, `None` if it is to be tried again, which is
    /// after a pause. `is_done` looks whether the transaction is there; it must wait for one that is still open.
    ///
    /// # Errors
    /// What no further try would help.
    pub async fn settle<T, E, L>(
        &mut self,
        failed: Failed<T, E>,
        is_done: impl Fn() -> L + Send + Sync,
    ) -> Result<Option<T>, E>
    where
        E: Trouble,
        L: Future<Output = Result<bool, E>> + Send,
    {
        let (answer, source) = match failed {
            Failed::Refused(error) => return self.again(error).await.map(|()| None),
            Failed::Unknown { answer, source } => (answer, source),
        };
        tracing::warn!(error = %source, "the connection was lost at a commit; looking whether it was done");
        loop {
            match is_done().await {
                Ok(true) => return Ok(Some(answer)),
                Ok(false) => return self.again(E::from(source)).await.map(|()| None),
                // Also one that is away: as long as there is time, the answer is worth waiting for.
                Err(error) if error.of_database().is_some_and(is_away) => self.pause(error).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Pauses if a new try may work at once, or gives the error back. One that was away before anything was begun is
    /// the caller's to wait for.
    async fn again<E: Trouble>(&mut self, error: E) -> Result<(), E> {
        match error.of_database().map(cause) {
            Some(Cause::Conflict | Cause::Lost) => self.pause(error).await,
            _ => Err(error),
        }
    }

    async fn pause<E: Trouble>(&mut self, error: E) -> Result<(), E> {
        let Some(pause) = self.0.next() else { return Err(error) };
        tracing::debug!(error = %error, ?pause, "trying again");
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

/// Ends what takes too long. What a write came to is not known then; the database may yet carry it out.
///
/// # Errors
/// What the work says, or that there was no answer in time.
pub async fn bounded<T, E: From<DbErr>>(work: impl Future<Output = Result<T, E>> + Send) -> Result<T, E> {
    match tokio::time::timeout(LIMIT, work).await {
        Ok(done) => done,
        Err(_) => {
            let text = format!("no answer within {} s", LIMIT.as_secs());
            Err(DbErr::Conn(RuntimeErr::Internal(text)).into())
        }
    }
}
