//! What the swarm sees of each run.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use crate::Outcome;

/// How long anything that is waited for may take.
const LIMIT: Duration = Duration::from_secs(120);

/// A run, as its agents were told of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// How many members were told to prepare.
    pub(crate) told: usize,
    /// When the last of them was.
    pub(crate) told_at: Instant,
    /// How many run, as was reported.
    pub(crate) running: usize,
    /// How many are not wanted any more.
    pub(crate) gone: usize,
}

/// Runs by id, until they are forgotten.
#[derive(Debug, Default)]
pub(crate) struct Watch(Mutex<HashMap<String, Watched>>);

#[derive(Debug)]
struct Watched {
    seen: Seen,
    changed: Arc<Notify>,
}

impl Default for Watched {
    fn default() -> Self {
        Self {
            seen: Seen {
                told: 0,
                told_at: Instant::now(),
                running: 0,
                gone: 0,
            },
            changed: Arc::default(),
        }
    }
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Watched>> {
        // Every change under this lock is complete in itself.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, run: &str, change: impl FnOnce(&mut Seen)) {
        let mut runs = self.lock();
        // A run is told of first to one who does not know it.
        let watched = match runs.get_mut(run) {
            Some(watched) => watched,
            None => runs.entry(run.to_owned()).or_default(),
        };
        change(&mut watched.seen);
        watched.changed.notify_one();
    }

    pub(super) fn told(&self, run: &str) {
        self.note(run, |seen| {
            seen.told += 1;
            seen.told_at = Instant::now();
        });
    }

    pub(super) fn running(&self, run: &str) {
        self.note(run, |seen| seen.running += 1);
    }

    pub(super) fn gone(&self, run: &str) {
        self.note(run, |seen| seen.gone += 1);
    }

    /// Waits until what is seen of a run is as it should be. One waits for a run at a time.
    pub(crate) async fn until(&self, run: &str, what: &str, is_so: impl Fn(&Seen) -> bool) -> Outcome<Seen> {
        let changed = self.lock().entry(run.to_owned()).or_default().changed.clone();
        let reached = async {
            loop {
                let seen = self.lock().entry(run.to_owned()).or_default().seen;
                if is_so(&seen) {
                    return seen;
                }
                changed.notified().await;
            }
        };
        match tokio::time::timeout(LIMIT, reached).await {
            Ok(seen) => Ok(seen),
            Err(_) => {
                let seen = self.lock().get(run).map(|watched| watched.seen);
                Err(format!("waited {LIMIT:?} for run {run} {what}; it is {seen:?}").into())
            }
        }
    }

    /// Forgets a run that is over.
    pub(crate) fn forget(&self, run: &str) {
        self.lock().remove(run);
    }
}
