//! What was noted and is not written yet: bounded, and never in the way of who notes.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use flow_domain::{AssignmentId, Timestamp};
use tokio::sync::Notify;

use super::note::{News, Note};

/// How many notes may wait. While a database is away that is some thousand assignments from beginning to end.
const MOST: usize = 10_000;

/// Something to write.
#[derive(Debug, Clone)]
pub(super) enum Item {
    /// A note.
    About(Note),
    /// Only these are looked after or have files; what else is in the journal is over.
    Only(Arc<BTreeSet<AssignmentId>>, Timestamp),
}

/// What waits to be written.
#[derive(Debug, Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    items: VecDeque<Item>,
    /// The newest of those that say how far somebody is and nothing else: of these only the last one counts.
    quiet: BTreeMap<AssignmentId, Note>,
    /// How many were given up since that was last said.
    lost: u64,
    closed: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change under this lock is complete in itself.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts something in. If it is full, the oldest that only says how something stood is given up.
    pub(super) fn push(&self, item: Item) {
        let mut inner = self.lock();
        if let Item::About(note) = &item
            && matches!(note.news, News::Seen(_))
        {
            inner.quiet.remove(&note.id);
        }
        if inner.items.len() >= MOST {
            let is_status = |item: &Item| !matches!(item, Item::About(note) if !matches!(note.news, News::Seen(_)));
            let oldest = inner.items.iter().position(is_status).unwrap_or_default();
            inner.items.remove(oldest);
            inner.lost += 1;
            if inner.lost == 1 {
                tracing::warn!(
                    waiting = MOST,
                    "the journal cannot be written fast enough, or is away: from here on it has gaps"
                );
            }
        }
        inner.items.push_back(item);
        drop(inner);
        self.news.notify_one();
    }

    /// Puts in what says how far somebody is and nothing else; it wakes nobody.
    pub(super) fn push_quiet(&self, note: Note) {
        let mut inner = self.lock();
        if inner.quiet.len() < MOST || inner.quiet.contains_key(&note.id) {
            inner.quiet.insert(note.id, note);
        }
    }

    /// Takes out the oldest, and what is quiet after all others.
    pub(super) fn take(&self, most: usize) -> Vec<Item> {
        let mut inner = self.lock();
        let count = inner.items.len().min(most);
        let mut taken: Vec<Item> = inner.items.drain(..count).collect();
        while taken.len() < most
            && let Some((_, note)) = inner.quiet.pop_first()
        {
            taken.push(Item::About(note));
        }
        taken
    }

    /// How many were given up since this was last asked.
    pub(super) fn lost(&self) -> u64 {
        std::mem::take(&mut self.lock().lost)
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        let inner = self.lock();
        inner.items.len() + inner.quiet.len()
    }

    /// Nothing more will come.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.news.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Resolves when something was put in since it was last awaited.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use flow_domain::{Reason, RunId};

    use super::*;
    use crate::{board::Status, journal::note::Seen};

    fn mk_id(number: u32) -> AssignmentId {
        let party = "a".parse().unwrap();
        AssignmentId::derive(RunId(uuid::Uuid::nil()), number, "party", &party, 0)
    }

    fn mk_note(number: u32, news: News) -> Note {
        Note {
            id: mk_id(number),
            at: Timestamp(i64::from(number)),
            news,
        }
    }

    fn seen(message: &str) -> News {
        let mut status = Status::pending();
        (status.reason, status.message) = (Reason::ProcessRunning, message.to_owned());
        News::Seen(Box::new(Seen::of(&status)))
    }

    #[test]
    fn a_full_queue_gives_up_the_oldest_statuses_and_counts_them() {
        let queue = Queue::default();
        queue.push(Item::About(mk_note(0, News::Cleared)));
        for number in 1..=u32::try_from(MOST).unwrap() + 5 {
            queue.push(Item::About(mk_note(number, seen("x"))));
        }
        assert_eq!((queue.len(), queue.lost(), queue.lost()), (MOST, 6, 0));
        let taken = queue.take(2);
        assert!(
            matches!(&taken[0], Item::About(note) if note.id == mk_id(0)),
            "{taken:?}"
        );
        assert!(
            matches!(&taken[1], Item::About(note) if note.id == mk_id(7)),
            "{taken:?}"
        );
    }

    #[test]
    fn of_progress_only_the_newest_waits_and_a_state_supersedes_it() {
        let queue = Queue::default();
        for round in 0..50 {
            queue.push_quiet(mk_note(1, seen(&round.to_string())));
            queue.push_quiet(mk_note(2, seen(&round.to_string())));
        }
        queue.push(Item::About(mk_note(1, seen("over"))));
        let messages: Vec<String> = queue
            .take(10)
            .into_iter()
            .map(|item| match item {
                Item::About(Note {
                    news: News::Seen(seen), ..
                }) => seen.message,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(messages, ["over", "49"]);
    }
}
