//! Looks at one gang that are asked for at the same time: whoever asks while one is under way shares the next one with all who do.
//!
//! What a look shows was stored when it was asked for, as it begins after that. So each who asks sees no less than if it had looked
//! itself, and all of a large gang's sessions, which are told of a change at once, need one or two statements and not one each.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use flow_domain::RunId;

use super::{Loaded, StoreError};

/// The looks that are asked for now.
#[derive(Debug, Clone, Default)]
pub(super) struct Looks(Arc<Mutex<HashMap<RunId, Arc<Look>>>>);

#[derive(Debug, Default)]
struct Look {
    asked: AtomicU64,
    seen: tokio::sync::Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// The last of those who had asked when the last look began.
    asked: u64,
    /// What it showed; `None` if it failed.
    found: Option<Option<Loaded>>,
}

impl Looks {
    /// What `look` shows, which may be what it showed to another who asked at the same time.
    pub(super) async fn share<R>(&self, run: RunId, look: impl Fn() -> R) -> Result<Option<Loaded>, StoreError>
    where
        R: Future<Output = Result<Option<Loaded>, StoreError>>,
    {
        let one = One::of(self, run);
        let ticket = one.look.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut seen = one.look.seen.lock().await;
        if seen.asked < ticket {
            *seen = Seen {
                asked: one.look.asked.load(Ordering::SeqCst),
                found: None,
            };
            let found = look().await?;
            seen.found = Some(found.clone());
            return Ok(found);
        }
        if let Some(found) = &seen.found {
            return Ok(found.clone());
        }
        // Those who shared one that failed do not queue up for a database that is away.
        drop(seen);
        look().await
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, Arc<Look>>> {
        // Every change under this lock is complete in itself.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who asks. The last one leaves nothing behind.
struct One<'a> {
    looks: &'a Looks,
    run: RunId,
    look: Arc<Look>,
}

impl<'a> One<'a> {
    fn of(looks: &'a Looks, run: RunId) -> Self {
        let look = looks.lock().entry(run).or_default().clone();
        Self { looks, run, look }
    }
}

impl Drop for One<'_> {
    fn drop(&mut self) {
        let mut looks = self.looks.lock();
        // The map's and this one.
        if Arc::strong_count(&self.look) == 2 {
            looks.remove(&self.run);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use flow_domain::RunId;
    use sea_orm::DbErr;
    use tokio::sync::Semaphore;
    use uuid::Uuid;

    use super::*;

    /// Asks ten times at once while a look is under way; answers how many looks there were in all, and how many failed.
    async fn ask(fails: impl Fn(usize) -> bool) -> (usize, usize) {
        let (looks, run) = (Looks::default(), RunId(Uuid::from_u128(1)));
        let (begun, gate) = (AtomicUsize::new(0), Semaphore::new(0));
        let look = || async {
            let number = begun.fetch_add(1, Ordering::SeqCst);
            gate.acquire().await.unwrap().forget();
            match fails(number) {
                true => Err(StoreError::from(DbErr::Custom("away".to_owned()))),
                false => Ok(None),
            }
        };
        let ask = || looks.share(run, look);
        let others = async {
            // Polled after the first one, which looks by now.
            assert_eq!(begun.load(Ordering::SeqCst), 1);
            let others = futures::future::join_all((0..10).map(|_| ask()));
            let (others, ()) = tokio::join!(others, async { gate.add_permits(20) });
            others
        };
        let (first, others) = tokio::join!(biased; ask(), others);
        let failed = others.iter().chain([&first]).filter(|seen| seen.is_err()).count();
        assert!(looks.lock().is_empty(), "nothing is left behind");
        (begun.load(Ordering::SeqCst), failed)
    }

    #[tokio::test]
    async fn who_asks_while_one_looks_shares_the_next_look_and_not_that_one() {
        assert_eq!(ask(|_| false).await, (2, 0));
    }

    #[tokio::test]
    async fn a_look_that_failed_is_nobody_elses_answer() {
        assert_eq!(ask(|number| number == 1).await, (11, 1));
        assert_eq!(ask(|_| true).await, (11, 11));
    }
}
