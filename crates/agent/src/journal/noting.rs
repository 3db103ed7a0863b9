//! What the agent tells its journal. Nothing here waits.

use std::{collections::BTreeSet, sync::Arc};

use flow_daemon::error::chain;
use flow_domain::{AssignmentId, AssignmentSpec, Desired};

use super::{
    Journal, Kept,
    entry::Standing,
    lock,
    note::{News, Note, Seen},
    queue::Item,
};
use crate::{board::Status, clock::now};

impl Journal {
    /// So many ended assignments keep their files.
    pub(crate) fn retain(&self, files: usize) {
        lock(&self.0.retained).keep(files.min(self.0.keep));
    }

    /// The server wants this.
    pub(crate) fn wanted(&self, id: AssignmentId, generation: u64, desired: Desired, spec: &Arc<AssignmentSpec>) {
        lock(&self.0.retained).remove(id);
        let spec = spec.clone();
        self.note(
            id,
            News::Wanted {
                generation,
                desired,
                spec,
            },
        );
    }

    /// The server wants nothing of it any more.
    pub(crate) fn unwanted(&self, id: AssignmentId) {
        if !lock(&self.0.retained).contains(id) {
            self.note(id, News::Unwanted);
        }
    }

    /// It stands thus; `quiet` if that only says how far it is.
    pub(crate) fn seen(&self, id: AssignmentId, status: &Status, quiet: bool) {
        let news = News::Seen(Box::new(Seen::of(status)));
        match &self.0.kept {
            Kept::InDatabase(at) if quiet => at.queue.push_quiet(self.about(id, news)),
            _ => self.note(id, news),
        }
    }

    /// It is cleared away; answers those whose files have to go for it.
    pub(crate) fn cleared(&self, id: AssignmentId) -> Vec<AssignmentId> {
        let mut retained = lock(&self.0.retained);
        if retained.push(id) {
            self.note(id, News::Cleared);
        }
        retained.surplus()
    }

    /// Its files are gone.
    pub(crate) fn purged(&self, id: AssignmentId) {
        self.note(id, News::Purged);
    }

    /// Only these are looked after or have files.
    pub(crate) fn only(&self, here: BTreeSet<AssignmentId>) {
        match &self.0.kept {
            Kept::InDatabase(at) => at.queue.push(Item::Only(Arc::new(here), now(&self.0.clock))),
            Kept::InMemory(memory) => {
                let live = memory.standing(Standing::Live).into_iter();
                for id in live.filter(|id| !here.contains(id)) {
                    self.note(id, News::Missing);
                }
            }
        }
    }

    fn about(&self, id: AssignmentId, news: News) -> Note {
        Note {
            id,
            at: now(&self.0.clock),
            news,
        }
    }

    fn note(&self, id: AssignmentId, news: News) {
        let note = self.about(id, news);
        match &self.0.kept {
            Kept::InDatabase(at) => at.queue.push(Item::About(note)),
            Kept::InMemory(memory) => {
                if let Err(error) = memory.write(&note, self.0.keep) {
                    tracing::error!(assignment = %id, error = %chain(&error), "the journal does not take a note; it is left out");
                }
            }
        }
    }
}
