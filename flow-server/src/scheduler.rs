//! The queue's memory between two passes: who has asked for one, and everyone's place.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use flow_domain::{
    PartyId, RunId, Timestamp,
    queue::{Decision, Place, Supply, Verdict, schedule},
};
use tokio::sync::Notify;

use crate::{
    config::SchedulingConfig,
    store::{Queue, said},
};

/// One pass at a time: what one admits, the next one counts.
#[derive(Debug)]
pub(crate) struct Scheduler {
    config: SchedulingConfig,
    one: tokio::sync::Mutex<()>,
    asked: AtomicU64,
    served: AtomicU64,
    wanted: Notify,
    /// The place of each run that waits.
    places: Mutex<HashMap<RunId, usize>>,
}

/// A pass that is under way.
pub(crate) struct Pass<'a> {
    scheduler: &'a Scheduler,
    _one: tokio::sync::MutexGuard<'a, ()>,
}

impl Scheduler {
    pub(crate) fn new(config: SchedulingConfig) -> Self {
        Self {
            config,
            one: tokio::sync::Mutex::new(()),
            asked: AtomicU64::new(0),
            served: AtomicU64::new(0),
            wanted: Notify::new(),
            places: Mutex::default(),
        }
    }

    /// Asks for a pass soon.
    pub(crate) fn want(&self) {
        self.wanted.notify_one();
    }

    /// Resolves when one was asked for.
    pub(crate) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Begins a pass; `None` if one has begun since this was called, which has seen all that this one would.
    pub(crate) async fn pass(&self) -> Option<Pass<'_>> {
        let ticket = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let one = self.one.lock().await;
        if self.served.load(Ordering::SeqCst) >= ticket {
            return None;
        }
        self.served.store(self.asked.load(Ordering::SeqCst), Ordering::SeqCst);
        Some(Pass {
            scheduler: self,
            _one: one,
        })
    }

    /// The place of a run among those that wait.
    pub(crate) fn place(&self, id: RunId) -> Option<usize> {
        self.lock().get(&id).copied()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, usize>> {
        // Every change under this lock is complete in itself.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// Decides about all that waits; answers what is to be carried out: who begins, and of whom something else is to be said.
    pub(crate) fn decide(&self, queue: Queue, parties: BTreeMap<PartyId, Place>, now: Timestamp) -> Vec<Verdict> {
        #[cfg(feature = "sabotage")]
        let queue = crate::sabotage::remembered(queue);
        let supply = Supply {
            parties,
            sites: self.scheduler.config.sites.clone(),
        };
        let verdicts = schedule(
            &queue.waiting,
            &queue.taken,
            &supply,
            now,
            self.scheduler.config.patience(),
        );
        let mut places = HashMap::new();
        let mut news = Vec::new();
        for verdict in verdicts {
            let is_news = match &verdict.decision {
                Decision::Admit(_) => true,
                Decision::Wait { reason, message } => {
                    places.insert(verdict.run, places.len() + 1);
                    queue.said.get(&verdict.run) != Some(&said(*reason, message))
                }
            };
            if is_news {
                news.push(verdict);
            }
        }
        *self.scheduler.lock() = places;
        news
    }
}
