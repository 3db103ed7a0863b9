//! The journal in memory: for the simulation, whose clock no database knows. It outlives an agent as long as somebody has it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use flow_domain::AssignmentId;
use serde_json::Value;

use super::{
    JournalError,
    entry::{Entry, Filter, JournalEvent, Standing},
    note::{Draft, Note},
};

/// What a journal in memory holds. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Tables>>);

#[derive(Debug, Default)]
struct Tables {
    entries: BTreeMap<AssignmentId, Entry>,
    specs: BTreeMap<AssignmentId, Value>,
    events: BTreeMap<AssignmentId, Vec<JournalEvent>>,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, Tables> {
        // Every change under this lock is complete in itself.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self, note: &Note, keep: usize) -> Result<(), JournalError> {
        let mut tables = self.lock();
        let before = tables.entries.get(&note.id).cloned();
        let first = before.as_ref().map_or(0, |entry| entry.events) + 1;
        let mut draft = Draft::of(before);
        draft.take(note);
        let (true, Some(entry)) = (draft.changed, draft.entry) else {
            return Ok(());
        };
        if let Some(spec) = draft.spec {
            let spec =
                serde_json::to_value(&*spec).map_err(|source| JournalError::Unreadable { what: "spec", source })?;
            tables.specs.insert(note.id, spec);
        }
        let events = tables.events.entry(note.id).or_default();
        let numbered = draft.events.into_iter().zip(first..);
        events.extend(numbered.map(|((at, what), sequence)| JournalEvent { sequence, at, what }));
        tables.entries.insert(note.id, entry);
        tables.forget(keep);
        Ok(())
    }

    pub(super) fn standing(&self, standing: Standing) -> Vec<AssignmentId> {
        self.lock().standing(standing)
    }

    pub(super) async fn assignments(&self, filter: &Filter, limit: u64) -> Result<Vec<Entry>, JournalError> {
        let tables = self.lock();
        let mut found: Vec<Entry> = tables
            .entries
            .values()
            .filter(|entry| is_meant(entry, filter))
            .cloned()
            .collect();
        found.sort_by_key(|entry| std::cmp::Reverse((entry.given_at, entry.id.to_string())));
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    pub(super) async fn assignment(&self, id: AssignmentId) -> Result<Option<Entry>, JournalError> {
        Ok(self.lock().entries.get(&id).cloned())
    }

    pub(super) async fn spec(&self, id: AssignmentId) -> Result<Option<Value>, JournalError> {
        Ok(self.lock().specs.get(&id).cloned())
    }

    pub(super) async fn events(
        &self,
        id: AssignmentId,
        after: u64,
        limit: u64,
    ) -> Result<Vec<JournalEvent>, JournalError> {
        let tables = self.lock();
        let events = tables.events.get(&id).into_iter().flatten();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(events
            .filter(|event| event.sequence > after)
            .take(limit)
            .cloned()
            .collect())
    }
}

impl Tables {
    /// In the order in which they were cleared away.
    fn standing(&self, standing: Standing) -> Vec<AssignmentId> {
        let mut found: Vec<&Entry> = self
            .entries
            .values()
            .filter(|entry| entry.standing() == standing)
            .collect();
        found.sort_by_key(|entry| (entry.cleared_at, entry.id.to_string()));
        found.iter().map(|entry| entry.id).collect()
    }

    fn forget(&mut self, keep: usize) {
        let surplus = self.entries.len().saturating_sub(keep);
        if surplus == 0 {
            return;
        }
        for id in self.standing(Standing::Over).into_iter().take(surplus) {
            self.entries.remove(&id);
            self.specs.remove(&id);
            self.events.remove(&id);
        }
    }
}

fn is_meant(entry: &Entry, filter: &Filter) -> bool {
    let asked = entry.asked.as_ref();
    let place = (entry.given_at, entry.id.to_string());
    filter.run.is_none_or(|run| asked.is_some_and(|asked| asked.run == run))
        && filter
            .task
            .is_none_or(|task| asked.is_some_and(|asked| asked.task == task))
        && filter.state.is_none_or(|state| entry.state == state)
        && filter
            .after
            .is_none_or(|after| place < (after.given_at, after.id.to_string()))
}
