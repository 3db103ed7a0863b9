//! What the agent sees of each assignment, for the link to report and the journal to note: the newest status, with a number that tells whether it is news.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use flow_domain::{AssignmentId, AssignmentState, PartyId, Progress, Reason, Timestamp, spec::Endpoints};
use tokio::sync::Notify;

use crate::journal::Journal;

/// What the agent sees of one assignment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Status {
    pub(crate) generation: u64,
    pub(crate) state: AssignmentState,
    pub(crate) reason: Reason,
    pub(crate) message: String,
    pub(crate) ready: bool,
    pub(crate) endpoints: Option<Endpoints>,
    pub(crate) exit_code: Option<i32>,
    pub(crate) exited_at: Option<Timestamp>,
    pub(crate) progress: Progress,
    pub(crate) members: BTreeMap<PartyId, Progress>,
}

impl Status {
    pub(crate) fn pending() -> Self {
        Self {
            generation: 0,
            state: AssignmentState::Pending,
            reason: Reason::WaitingForAgent,
            message: String::new(),
            ready: false,
            endpoints: None,
            exit_code: None,
            exited_at: None,
            progress: Progress::default(),
            members: BTreeMap::new(),
        }
    }

    /// Whether it differs from another by how far the assignment is, and by nothing else.
    fn is_progress_after(&self, before: &Self) -> bool {
        (self.state, self.reason, self.ready, self.exit_code)
            == (before.state, before.reason, before.ready, before.exit_code)
    }
}

/// All statuses. Shared by the workers, which write, and the link, which reads.
#[derive(Debug)]
pub(crate) struct Board {
    inner: Mutex<Inner>,
    changed: Notify,
    journal: Journal,
}

#[derive(Debug, Default)]
struct Inner {
    number: u64,
    statuses: BTreeMap<AssignmentId, (u64, Status)>,
}

impl Board {
    /// An empty one; what is put up is noted in the journal, too.
    pub(crate) fn new(journal: Journal) -> Self {
        Self {
            inner: Mutex::default(),
            changed: Notify::new(),
            journal,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change under this lock is complete in itself.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts up a status; if it says nothing new, nobody is woken.
    pub(crate) fn put(&self, id: AssignmentId, status: Status) {
        let mut inner = self.lock();
        let before = inner.statuses.get(&id).map(|(_, before)| before);
        if before == Some(&status) {
            return;
        }
        let quiet = before.is_some_and(|before| status.is_progress_after(before));
        self.journal.seen(id, &status, quiet);
        inner.number += 1;
        let number = inner.number;
        inner.statuses.insert(id, (number, status));
        drop(inner);
        self.changed.notify_one();
    }

    /// Whether its end is known.
    pub(crate) fn is_over(&self, id: AssignmentId) -> bool {
        let inner = self.lock();
        inner
            .statuses
            .get(&id)
            .is_some_and(|(_, status)| status.state.is_terminal())
    }

    /// Takes one down.
    pub(crate) fn remove(&self, id: AssignmentId) {
        self.lock().statuses.remove(&id);
    }

    /// What was put up after `number`, oldest first, and no more than `most`.
    pub(crate) fn since(&self, number: u64, most: usize) -> Vec<(AssignmentId, u64, Status)> {
        let inner = self.lock();
        let mut news: Vec<_> = inner
            .statuses
            .iter()
            .filter(|(_, (at, _))| *at > number)
            .map(|(id, (at, status))| (*id, *at, status.clone()))
            .collect();
        news.sort_by_key(|(_, at, _)| *at);
        news.truncate(most);
        news
    }

    /// Resolves when something was put up since it was last awaited.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}
