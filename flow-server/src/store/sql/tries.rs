//! Writes that end one way or the other: again after a conflict, and decided where the answer to a commit was lost.

use std::{future::Future, time::Duration};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use sea_orm::{DbErr, RuntimeErr};

use super::{
    StoreError,
    failure::{Cause, cause},
    turn::Transaction,
};

/// No call takes longer, whatever the database does.
pub(super) const LIMIT: Duration = Duration::from_secs(9);

/// How often a write is tried again after conflicts, and how long it pauses before: some 5 s in all.
const MOST: usize = 16;
const SHORTEST: Duration = Duration::from_millis(4);
const LONGEST: Duration = Duration::from_millis(500);

/// A try that did not succeed.
#[derive(Debug)]
pub(super) enum Failed<T> {
    /// Nothing was done.
    Refused(StoreError),
    /// The commit was sent and no answer came: it was done with this answer, or not at all.
    Unknown { answer: T, source: DbErr },
}

impl<T> From<StoreError> for Failed<T> {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl<T> From<DbErr> for Failed<T> {
    fn from(error: DbErr) -> Self {
        Self::Refused(error.into())
    }
}

impl<T> Failed<T> {
    /// The failure of a commit, or of a statement that is a transaction of its own.
    pub(super) fn of_statement(error: DbErr, answer: T) -> Self {
        match cause(&error) {
            Cause::Lost => Self::Unknown { answer, source: error },
            _ => Self::Refused(error.into()),
        }
    }
}

/// Commits; `answer` is what the transaction comes to if that succeeds.
pub(super) async fn commit<T>(tx: Transaction, answer: T) -> Result<T, Failed<T>> {
    match tx.commit().await {
        Ok(()) => Ok(answer),
        Err(error) => Err(Failed::of_statement(error, answer)),
    }
}

/// How often one write is tried.
pub(super) struct Tries(ExponentialBackoff);

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
    pub(super) async fn settle<T, L>(
        &mut self,
        failed: Failed<T>,
        is_done: impl Fn() -> L + Send + Sync,
    ) -> Result<Option<T>, StoreError>
    where
        L: Future<Output = Result<bool, StoreError>> + Send,
    {
        let (answer, source) = match failed {
            Failed::Refused(error) => return self.again(error).await.map(|()| None),
            Failed::Unknown { answer, source } => (answer, source),
        };
        tracing::warn!(error = %source, "the connection was lost at a commit; looking whether it was done");
        loop {
            match is_done().await {
                Ok(true) => return Ok(Some(answer)),
                Ok(false) => return self.again(StoreError::Database(source)).await.map(|()| None),
                // Also one that is away: as long as there is time, the answer is worth waiting for.
                Err(error) if error.is_away() => self.pause(error).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Pauses if a new try may work at once, or gives the error back. One that was away before anything was begun is
    /// the caller's to wait for.
    async fn again(&mut self, error: StoreError) -> Result<(), StoreError> {
        match &error {
            StoreError::Database(source) if matches!(cause(source), Cause::Conflict | Cause::Lost) => {
                self.pause(error).await
            }
            _ => Err(error),
        }
    }

    async fn pause(&mut self, error: StoreError) -> Result<(), StoreError> {
        let Some(pause) = self.0.next() else { return Err(error) };
        tracing::debug!(error = %error, ?pause, "trying again");
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

/// Ends what takes too long. What a write came to is not known then; the database may yet carry it out.
pub(super) async fn bounded<T, E: From<StoreError>>(work: impl Future<Output = Result<T, E>> + Send) -> Result<T, E> {
    match tokio::time::timeout(LIMIT, work).await {
        Ok(done) => done,
        Err(_) => {
            let text = format!("no answer within {} s", LIMIT.as_secs());
            Err(StoreError::Database(DbErr::Conn(RuntimeErr::Internal(text))).into())
        }
    }
}
