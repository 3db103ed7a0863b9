//! How runs stand with the queue, as this server has read or written it last, so that a pass reads only what is news to it.
//!
//! None of it is trusted: each pass asks for the versions of all rows that count.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use flow_domain::{
    Run, RunId, Timestamp,
    queue::{Needs, Waiting},
};
use sea_orm::QueryResult;

use super::{Queue, StoreError, TAKES, from_json, said_to, standing};

/// How many more are kept than counted in the last pass, before they are gone through.
const SLACK: usize = 1024;

/// How one run stands with the queue.
#[derive(Debug)]
pub(super) struct Standing {
    version: i64,
    takes: bool,
    said: String,
    priority: i32,
    since: Timestamp,
    needs: Needs,
}

impl Standing {
    /// The columns that it is read of.
    pub(super) const COLUMNS: [&str; 7] = ["id", "version", "queue", "said", "needs", "priority", "arrived_at"];

    pub(super) fn read(row: &QueryResult) -> Result<Self, StoreError> {
        let priority: i64 = row.try_get("", "priority")?;
        Ok(Self {
            version: row.try_get("", "version")?,
            takes: row.try_get::<i64>("", "queue")? == TAKES,
            said: row.try_get("", "said")?,
            priority: i32::try_from(priority).unwrap_or_default(),
            since: Timestamp(row.try_get("", "arrived_at")?),
            needs: from_json("needs", row.try_get("", "needs")?)?,
        })
    }

    /// Enters it into the queue.
    pub(super) fn enter(&self, run: RunId, queue: &mut Queue) {
        if self.takes {
            for (party, demand) in &self.needs.fixed {
                match queue.taken.get_mut(party) {
                    Some(taken) => *taken = taken.plus(*demand),
                    None => drop(queue.taken.insert(party.clone(), *demand)),
                }
            }
            return;
        }
        queue.said.insert(run, self.said.clone());
        queue.waiting.push(Waiting {
            run,
            priority: self.priority,
            since: self.since,
            needs: self.needs.clone(),
        });
    }
}

/// The runs that count, and maybe some that do not any more.
#[derive(Debug, Clone, Default)]
pub(super) struct Standings(Arc<Mutex<HashMap<RunId, Arc<Standing>>>>);

impl Standings {
    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, Arc<Standing>>> {
        // Every change under this lock is complete in itself.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run is stored like this now.
    pub(super) fn put(&self, run: &Run, version: i64) {
        let stands = standing(run);
        if stands == 0 {
            self.lock().remove(&run.id);
            return;
        }
        self.keep(
            run.id,
            Arc::new(Standing {
                version,
                takes: stands == TAKES,
                said: said_to(run),
                priority: run.spec.policies.priority,
                since: run.arrived_at(),
                needs: run.spec.needs(),
            }),
        );
    }

    pub(super) fn keep(&self, run: RunId, standing: Arc<Standing>) {
        let mut known = self.lock();
        if known.get(&run).is_none_or(|known| known.version < standing.version) {
            known.insert(run, standing);
        }
    }

    /// Those of these versions that are known, and the runs of the others.
    pub(super) fn of(&self, versions: &[(RunId, i64)]) -> (Vec<(RunId, Arc<Standing>)>, Vec<RunId>) {
        let mut known = self.lock();
        let mut missing = Vec::new();
        let mut found = Vec::with_capacity(versions.len());
        for (run, version) in versions {
            match known.get(run) {
                Some(standing) if standing.version == *version => found.push((*run, standing.clone())),
                _ => missing.push(*run),
            }
        }
        if known.len() > versions.len() * 2 + SLACK {
            *known = found.iter().cloned().collect();
        }
        (found, missing)
    }
}
