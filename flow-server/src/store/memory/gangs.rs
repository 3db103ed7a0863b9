//! Runs with their assignments and events, in memory.

use std::{collections::BTreeSet, sync::Arc};

use flow_domain::{
    PartyId, Run, RunId, TaskId, Timestamp,
    gang::{Event, Gang, Planned},
    queue::Waiting,
};

use super::{Claim, Commit, Created, Loaded, Memory, Queue, RunFilter, StoreError, StoredEvent};
use crate::store::{
    kinds::{TAKES, WAITS, said_to, standing},
    shared::{Fence, Notice},
};

/// A run as it is kept.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) gang: Arc<Gang>,
    wake_at: Option<Timestamp>,
    events: Vec<Event>,
}

impl Stored {
    fn loaded(&self) -> Loaded {
        Loaded {
            gang: self.gang.clone(),
            wake_at: self.wake_at,
        }
    }
}

impl Memory {
    pub(in crate::store) async fn insert_run(
        &self,
        run: &Run,
        event: &Event,
        claim: Option<&Claim>,
    ) -> Result<Created, StoreError> {
        self.write("insert_run", |tables| {
            if let Some(before) = tables.keys.before(claim)? {
                return Ok(before);
            }
            tables.keys.claim(claim, &run.id.to_string(), run.created_at);
            let stored = Stored {
                gang: Arc::new(Gang {
                    run: run.clone(),
                    assignments: Vec::new(),
                }),
                wake_at: Some(run.created_at),
                events: vec![event.clone()],
            };
            (self.watch)(Commit {
                before: None,
                after: &stored.gang,
                events: &stored.events,
            });
            tables.runs.insert(run.id, stored);
            let notice = Notice::Run {
                run: run.id,
                parties: BTreeSet::new(),
                queue: true,
            };
            tables.shared.note(self.me, notice);
            Ok(Created::New)
        })
        .await
    }

    pub(in crate::store) async fn change_gang<E: From<StoreError> + Send>(
        &self,
        fence: Option<&Fence>,
        id: RunId,
        change: impl Fn(&Loaded) -> Result<Option<(Planned, Option<Timestamp>)>, E> + Send + Sync,
    ) -> Result<Option<(Arc<Gang>, Option<Planned>)>, E> {
        self.write("change_gang", |tables| {
            let Some(stored) = tables.runs.get_mut(&id) else {
                return Ok(None);
            };
            let loaded = stored.loaded();
            let Some((planned, wake_at)) = change(&loaded)? else {
                return Ok(Some((loaded.gang, None)));
            };
            if let Some(fence) = fence {
                tables.shared.check(self.me, fence)?;
            }
            let after = Arc::new(planned.gang.clone());
            (self.watch)(Commit {
                before: Some(&stored.gang),
                after: &after,
                events: &planned.events,
            });
            stored.gang = after;
            stored.wake_at = wake_at;
            stored.events.extend_from_slice(&planned.events);
            if let Some(notice) = Notice::of(&loaded.gang, &planned.gang, planned.events.len()) {
                tables.shared.note(self.me, notice);
            }
            Ok(Some((loaded.gang, Some(planned))))
        })
        .await
    }

    pub(in crate::store) async fn gang(&self, id: RunId) -> Result<Option<Loaded>, StoreError> {
        self.read("gang", |tables| tables.runs.get(&id).map(Stored::loaded))
            .await
    }

    pub(in crate::store) async fn newest_gangs(&self, tasks: &[TaskId]) -> Result<Vec<Gang>, StoreError> {
        self.read("newest_gangs", |tables| {
            let of = |task: &TaskId| {
                let mut newest_first = tables.runs.values().rev();
                newest_first.find(|stored| stored.gang.run.task == *task)
            };
            tasks
                .iter()
                .filter_map(of)
                .map(|stored| Gang::clone(&stored.gang))
                .collect()
        })
        .await
    }

    pub(in crate::store) async fn due_runs(&self, by: Timestamp, limit: u64) -> Result<Vec<RunId>, StoreError> {
        self.read("due_runs", |tables| {
            let wishes = tables
                .runs
                .iter()
                .filter_map(|(id, stored)| Some((stored.wake_at?, *id)));
            let mut due: Vec<_> = wishes.filter(|(at, _)| *at <= by).collect();
            due.sort_unstable();
            due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            due.into_iter().map(|(_, id)| id).collect()
        })
        .await
    }

    pub(in crate::store) async fn taking_runs(&self) -> Result<Vec<RunId>, StoreError> {
        self.read("taking_runs", |tables| {
            let runs = tables.runs.iter();
            let taking = runs.filter(|(_, stored)| standing(&stored.gang.run) == TAKES);
            taking.map(|(id, _)| *id).collect()
        })
        .await
    }

    pub(in crate::store) async fn live_runs_at(&self, parties: &[PartyId]) -> Result<Vec<RunId>, StoreError> {
        self.read("live_runs_at", |tables| {
            let live = tables.runs.iter().filter(|(_, stored)| {
                let mut assignments = stored.gang.assignments.iter();
                assignments.any(|a| parties.contains(&a.party) && !a.state.is_terminal())
            });
            live.map(|(id, _)| *id).collect()
        })
        .await
    }

    pub(in crate::store) async fn gangs_at(&self, party: &PartyId) -> Result<Vec<Gang>, StoreError> {
        self.read("gangs_at", |tables| {
            let gangs = tables.runs.values().map(|stored| stored.gang.as_ref());
            let live = |gang: &&Gang| {
                let mut assignments = gang.assignments.iter();
                assignments.any(|a| a.party == *party && !a.state.is_terminal())
            };
            gangs.filter(live).cloned().collect()
        })
        .await
    }

    pub(in crate::store) async fn runs(&self, filter: &RunFilter, limit: u64) -> Result<Vec<Run>, StoreError> {
        self.read("runs", |tables| {
            let runs = tables.runs.values().rev().map(|stored| &stored.gang.run);
            let wanted = |run: &&Run| {
                filter.task.is_none_or(|task| run.task == task)
                    && (filter.states.is_empty() || filter.states.contains(&run.state))
                    && filter.after.is_none_or(|after| run.id < after)
            };
            let page = runs.filter(wanted);
            page.take(usize::try_from(limit).unwrap_or(usize::MAX))
                .cloned()
                .collect()
        })
        .await
    }

    pub(in crate::store) async fn queue(&self) -> Result<Queue, StoreError> {
        self.read("queue", |tables| {
            let mut queue = Queue::default();
            for stored in tables.runs.values() {
                let run = &stored.gang.run;
                match standing(run) {
                    TAKES => {
                        for (party, demand) in run.spec.demands() {
                            let taken = queue.taken.entry(party).or_default();
                            *taken = taken.plus(demand);
                        }
                    }
                    WAITS => {
                        queue.said.insert(run.id, said_to(run));
                        queue.waiting.push(Waiting {
                            run: run.id,
                            priority: run.spec.policies.priority,
                            since: run.arrived_at(),
                            needs: run.spec.needs(),
                        });
                    }
                    _ => {}
                }
            }
            queue
        })
        .await
    }

    pub(in crate::store) async fn events(
        &self,
        run: RunId,
        after: u64,
        limit: u64,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.read("events", |tables| {
            let events = tables.runs.get(&run).map(|stored| stored.events.as_slice());
            let numbered = (1..).zip(events.unwrap_or_default());
            let page = numbered.filter(|(sequence, _)| *sequence > after);
            page.take(usize::try_from(limit).unwrap_or(usize::MAX))
                .map(|(sequence, event)| StoredEvent {
                    sequence,
                    event: event.clone(),
                })
                .collect()
        })
        .await
    }
}
