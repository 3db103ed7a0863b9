//! Waits for the database while that is away: the agent can do nothing better than stay attached.

use std::{sync::Arc, time::Duration};

use flow_domain::{RunId, gang::Gang};

use super::{Ended, Session};
use crate::{engine::EngineError, store::StoreError};

/// Pauses while the database is away: from the first to the last, each twice the one before, with jitter.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(2);

impl Session {
    /// The gangs that the agent is to have a part of.
    pub(super) async fn gangs(&self) -> Result<Vec<Gang>, Ended> {
        self.read(|| self.link.store.gangs_at(&self.attachment.party)).await
    }

    /// One gang.
    pub(super) async fn gang(&self, run: RunId) -> Result<Option<Arc<Gang>>, Ended> {
        let loaded = self.read(|| self.link.store.gang(run)).await?;
        Ok(loaded.map(|loaded| loaded.gang))
    }

    /// Reads from the store, as soon as that answers.
    async fn read<T, R>(&self, read: impl Fn() -> R) -> Result<T, Ended>
    where
        R: Future<Output = Result<T, StoreError>>,
    {
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match read().await {
                Ok(found) => return Ok(found),
                Err(error) => EngineError::from(error),
            };
            if !error.is_away() {
                return Err(error.into());
            }
            self.wait(&mut pause, &error).await?;
        }
    }

    /// Waits for the database while it is away: the agent can do nothing better than stay.
    pub(super) async fn wait(&self, pause: &mut Duration, error: &EngineError) -> Result<(), Ended> {
        let party = &self.attachment.party;
        tracing::warn!(%party, error = %flow_daemon::error::chain(error), "waiting for the database");
        tokio::select! {
            () = self.link.end.cancelled() => return Err(Ended::Shutdown),
            () = self.attachment.end.cancelled() => return Err(Ended::Replaced),
            () = tokio::time::sleep(pause.mul_f64(self.link.engine.jitter())) => {}
        }
        *pause = (*pause * 2).min(LAST_PAUSE);
        Ok(())
    }
}
