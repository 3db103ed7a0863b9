//! What a session has yet to tell its agent.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use flow_domain::{RunId, gang::Gang};
use tokio::sync::Notify;

/// Beyond so many runs it is less work to look at everything.
const RUNS: usize = 256;

/// What has changed at a party since its session looked last.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Anything may have.
    pub(crate) everything: bool,
    /// These runs have, to this; what is not given is in the store.
    pub(crate) runs: BTreeMap<RunId, Option<Arc<Gang>>>,
}

/// Gathers news for one session, the newest of each run.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    news: Mutex<News>,
    arrived: Notify,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, News> {
        // Every change under this lock is complete in itself.
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run has changed.
    pub(crate) fn put(&self, run: RunId, gang: Option<Arc<Gang>>) {
        let mut news = self.lock();
        if !news.everything {
            news.runs.insert(run, gang);
            if news.runs.len() > RUNS {
                news.everything = true;
                news.runs.clear();
            }
        }
        drop(news);
        self.arrived.notify_one();
    }

    /// Anything may have changed.
    pub(crate) fn put_everything(&self) {
        *self.lock() = News {
            everything: true,
            runs: BTreeMap::new(),
        };
        self.arrived.notify_one();
    }

    /// Resolves when there is news.
    pub(crate) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Takes all there is.
    pub(crate) fn take(&self) -> News {
        std::mem::take(&mut *self.lock())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn too_much_becomes_everything_and_nothing_is_lost() {
        let inbox = Inbox::default();
        let runs: Vec<RunId> = (0..=RUNS as u128).map(|n| RunId(Uuid::from_u128(n))).collect();
        inbox.put(runs[0], None);
        inbox.put(runs[0], None);
        inbox.arrived().await;
        let news = inbox.take();
        assert_eq!((news.everything, news.runs.len()), (false, 1));
        for run in &runs {
            inbox.put(*run, None);
        }
        let news = inbox.take();
        assert_eq!((news.everything, news.runs.len()), (true, 0));
        assert!(!inbox.take().everything);
    }
}
