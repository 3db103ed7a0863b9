//! What this server is the one to do, among those that share a database.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

use crate::store::shared::{Fence, TERM};

/// Goes through the queue, and plans what is due.
pub(crate) const PLANNER: &str = "planner";

/// Hosts the center's agent.
pub(crate) const CENTER: &str = "center";

/// The leases that this server holds.
#[derive(Debug)]
pub(crate) struct Leases {
    /// None if the database is this server's alone: it holds everything then.
    held: Option<Mutex<BTreeMap<String, Held>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    epoch: u64,
    until: Instant,
}

/// A lease that is held, and what proves it to the store; nothing is needed where nobody else could hold it.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) fence: Option<Fence>,
}

impl Leases {
    pub(crate) fn new(shared: bool) -> Self {
        Self {
            held: shared.then(Mutex::default),
        }
    }

    /// The lease, if it is held now.
    pub(crate) fn hold(&self, name: &'static str) -> Option<Hold> {
        let Some(held) = &self.held else {
            return Some(Hold { fence: None });
        };
        let held = *lock(held).get(name)?;
        (Instant::now() < held.until).then_some(Hold {
            fence: Some(Fence {
                lease: name,
                epoch: held.epoch,
            }),
        })
    }

    /// Whether the lease was held when the store last answered. While it does not, nobody else can take it either: who only goes on with
    /// what it has may go on.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.held.as_ref().is_none_or(|held| lock(held).contains_key(name))
    }

    /// Takes over what the store granted when it was asked at that time.
    pub(crate) fn granted(&self, leases: &BTreeMap<String, u64>, asked_at: Instant) {
        let Some(held) = &self.held else { return };
        let mut held = lock(held);
        let before: Vec<String> = held.keys().cloned().collect();
        *held = leases
            .iter()
            .map(|(name, epoch)| {
                let until = asked_at + TERM;
                (name.clone(), Held { epoch: *epoch, until })
            })
            .collect();
        for name in before.iter().filter(|name| !leases.contains_key(*name)) {
            tracing::warn!(lease = name, "another server does this now");
        }
        for (name, epoch) in leases.iter().filter(|(name, _)| !before.contains(name)) {
            tracing::info!(lease = name, epoch, "this server does this now");
        }
    }
}

fn lock(held: &Mutex<BTreeMap<String, Held>>) -> MutexGuard<'_, BTreeMap<String, Held>> {
    // Every change under this lock is complete in itself.
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
