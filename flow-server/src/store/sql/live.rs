//! Gangs as this server has stored them last, so that the next change need not read them again.
//!
//! None of it is trusted: what is made of it is stored only where the row still has the version that it had then.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use flow_domain::{Run, RunId, gang::Gang};
use sea_orm::{
    ConnectionTrait,
    sea_query::{Alias, Expr, ExprTrait, Query},
};

use super::{Loaded, Sql, StoreError};

/// Of how many runs and assignments, all together. Beyond that it is begun anew.
const ROOM: usize = 32_768;

/// A gang as it is stored, with what is stored beside it.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) loaded: Loaded,
    /// Grows with every change of the row.
    pub(super) version: i64,
    /// The ids of its last changes.
    pub(super) changes: String,
    /// How many events it has.
    pub(super) events: i64,
}

impl Known {
    /// A run that was just stored, with its first event.
    pub(super) fn first(run: &Run, version: i64) -> Self {
        Self {
            loaded: Loaded {
                gang: Arc::new(Gang {
                    run: run.clone(),
                    assignments: Vec::new(),
                }),
                wake_at: Some(run.created_at),
            },
            version,
            changes: String::new(),
            events: 1,
        }
    }

    fn weight(&self) -> usize {
        1 + self.loaded.gang.assignments.len()
    }
}

/// Those that are under way.
#[derive(Debug, Clone, Default)]
pub(super) struct Live(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    known: HashMap<RunId, Known>,
    weight: usize,
}

impl Live {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change under this lock is complete in itself.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a run, for who is going to change it.
    pub(super) fn take(&self, id: RunId) -> Option<Known> {
        let mut inner = self.lock();
        let known = inner.known.remove(&id)?;
        inner.weight -= known.weight();
        Some(known)
    }

    /// What is known of a run, and its version.
    pub(super) fn look(&self, id: RunId) -> Option<(Loaded, i64)> {
        let inner = self.lock();
        let known = inner.known.get(&id)?;
        Some((known.loaded.clone(), known.version))
    }

    /// A run is stored like this now. One that is over is not changed often any more.
    pub(super) fn put(&self, known: Known) {
        let run = &known.loaded.gang.run;
        if run.state.is_terminal() {
            return;
        }
        let mut inner = self.lock();
        if inner.weight > ROOM {
            *inner = Inner::default();
        }
        inner.weight += known.weight();
        if let Some(before) = inner.known.insert(run.id, known) {
            inner.weight -= before.weight();
        }
    }
}

impl Sql {
    /// Whether a run is still the one that was stored with that version.
    pub(super) async fn has_version(
        &self,
        db: &impl ConnectionTrait,
        id: RunId,
        version: i64,
    ) -> Result<bool, StoreError> {
        let mut select = Query::select();
        select
            .column(Alias::new("version"))
            .from(Alias::new("run"))
            .and_where(Expr::col("id").eq(id.to_string()));
        let stored: Option<i64> = match db.query_one(&select).await? {
            Some(row) => Some(row.try_get("", "version")?),
            None => None,
        };
        Ok(stored == Some(version))
    }
}
