//! Changes of gangs: read, changed and written in one transaction, once and only once.

use std::sync::Arc;

use flow_domain::{
    RunId, Timestamp,
    gang::{Gang, Planned},
};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction,
    sea_query::{Alias, Expr, ExprTrait, OnConflict, Query},
};
use uuid::Uuid;

use super::{
    Failed, Loaded, Sql, StoreError, Tries, bounded, commit, events,
    gang::{assignments_of, read_run, select_runs},
    live::Known,
    said_to, standing, to_text,
};
use crate::store::shared::{Fence, Notice};

/// How many of its last changes a run remembers the ids of. A change that is not among them was not done, as long as no
/// more than that many others were while its own outcome was looked for.
const REMEMBERED: usize = 8;

/// How many assignments are written by one statement.
const ROWS: usize = 100;

/// The gang as it was, and what was made of it; nothing if there is no such run.
type Done = Option<Box<(Arc<Gang>, Option<Planned>)>>;

/// Why a change was not made: what the caller said, or what the store met.
enum Refusal<E> {
    Callers(E),
    Stores(Failed<Done>),
}

impl<E> From<StoreError> for Refusal<E> {
    fn from(error: StoreError) -> Self {
        Self::Stores(error.into())
    }
}

impl<E> From<sea_orm::DbErr> for Refusal<E> {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Stores(error.into())
    }
}

impl Sql {
    /// Changes a gang: `change` sees it as it is stored, and what it answers is stored in the same transaction. It is asked
    /// again where another writer was in the way. Answers what was there before, and what was made of it, or `None` if there is no such run.
    ///
    /// It is stored once, whatever happens to the connection: where the answer to the commit was lost, the run says
    /// whether it was done.
    ///
    /// # Errors
    /// What `change` says, or if the database does not do it.
    pub(in crate::store) async fn change_gang<E: From<StoreError> + Send>(
        &self,
        fence: Option<&Fence>,
        id: RunId,
        change: impl Fn(&Loaded) -> Result<Option<(Planned, Option<Timestamp>)>, E> + Send + Sync,
    ) -> Result<Option<(Arc<Gang>, Option<Planned>)>, E> {
        let own = Uuid::new_v4().simple().to_string();
        let stored = async {
            let mut tries = Tries::default();
            loop {
                let failed = match self.try_change(id, &own, fence, &change).await {
                    Ok(done) => return Ok(done),
                    Err(Refusal::Callers(error)) => return Err(error),
                    Err(Refusal::Stores(failed)) => failed,
                };
                if let Some(done) = tries.settle(failed, || self.is_changed(id, &own)).await? {
                    return Ok(done);
                }
            }
        };
        // What the caller's change says is an answer too.
        let done = bounded(async { Ok::<_, StoreError>(stored.await) }).await??;
        Ok(done.map(|done| *done))
    }

    async fn try_change<E>(
        &self,
        id: RunId,
        own: &str,
        fence: Option<&Fence>,
        change: &(impl Fn(&Loaded) -> Result<Option<(Planned, Option<Timestamp>)>, E> + Sync),
    ) -> Result<Done, Refusal<E>> {
        let mut known = self.live.take(id);
        let tx = self.db.join().await?;
        loop {
            let is_read = known.is_none();
            let before = match known.take() {
                Some(known) => known,
                None => match self.read(&tx, id).await? {
                    Some(known) => known,
                    None => {
                        tx.commit().await?;
                        return Ok(None);
                    }
                },
            };
            let wanted = change(&before.loaded);
            let Ok(Some((planned, wake_at))) = wanted else {
                // Nothing is written, so whether this is still what is stored has to be asked.
                if !is_read && !self.has_version(&*tx, id, before.version).await? {
                    continue;
                }
                tx.commit().await?;
                let gang = before.loaded.gang.clone();
                self.live.put(before);
                return wanted.map(|_| Some(Box::new((gang, None)))).map_err(Refusal::Callers);
            };
            let after = Known {
                version: before.version + 1,
                changes: remember(own, &before.changes),
                events: before.events + i64::try_from(planned.events.len()).unwrap_or(i64::MAX),
                loaded: Loaded {
                    gang: Arc::new(planned.gang.clone()),
                    wake_at,
                },
            };
            if !update(&tx, &before, &after).await? {
                // Another server has changed it since.
                continue;
            }
            if let Some(fence) = fence {
                self.check(&tx, fence).await?;
            }
            let before_gang = before.loaded.gang;
            write_assignments(&tx, &before_gang, &planned.gang).await?;
            events::append(&tx, id, before.events, &planned.events).await?;
            if self.me.is_some()
                && let Some(notice) = Notice::of(&before_gang, &planned.gang, planned.events.len())
            {
                self.note(&tx, &notice).await?;
            }
            let done = Some(Box::new((before_gang, Some(planned))));
            let done = commit(tx, done).await.map_err(Refusal::Stores)?;
            self.standings.put(&after.loaded.gang.run, after.version);
            self.live.put(after);
            return Ok(done);
        }
    }

    /// A gang as it is stored. Whoever else changes it waits until this transaction has ended.
    async fn read(&self, tx: &DatabaseTransaction, id: RunId) -> Result<Option<Known>, StoreError> {
        let id = id.to_string();
        let mut select = select_runs();
        select
            .columns(["version", "changes", "events"].map(Alias::new))
            .and_where(Expr::col("id").eq(id.as_str()));
        self.db.lock(&mut select);
        let Some(row) = tx.query_one(&select).await? else {
            return Ok(None);
        };
        let (run, wake_at) = read_run(&row)?;
        let assignments = assignments_of(tx, &[id]).await?.remove(&run.id).unwrap_or_default();
        Ok(Some(Known {
            loaded: Loaded {
                gang: Arc::new(Gang { run, assignments }),
                wake_at,
            },
            version: row.try_get("", "version")?,
            changes: row.try_get("", "changes")?,
            events: row.try_get("", "events")?,
        }))
    }

    /// Whether the change of that id was stored.
    async fn is_changed(&self, id: RunId, own: &str) -> Result<bool, StoreError> {
        let mut select = Query::select();
        select
            .column(Alias::new("changes"))
            .from(Alias::new("run"))
            .and_where(Expr::col("id").eq(id.to_string()));
        self.db.lock(&mut select);
        let Some(row) = self.db.query_one(&select).await? else {
            return Ok(false);
        };
        let changes: String = row.try_get("", "changes")?;
        Ok(changes.split(' ').any(|change| change == own))
    }
}

/// The ids of the last changes, newest first.
fn remember(own: &str, before: &str) -> String {
    let before = before.split(' ').filter(|change| !change.is_empty());
    let last: Vec<&str> = std::iter::once(own).chain(before).take(REMEMBERED).collect();
    last.join(" ")
}

/// Stores what has become of a run; false if it is not any more what that was made of.
async fn update(tx: &DatabaseTransaction, before: &Known, after: &Known) -> Result<bool, StoreError> {
    let run = &after.loaded.gang.run;
    let mut update = Query::update();
    update
        .table(Alias::new("run"))
        .value(Alias::new("state"), run.state.to_string())
        .value(Alias::new("status"), to_text("run", run)?)
        .value(Alias::new("version"), after.version)
        .value(Alias::new("changes"), after.changes.as_str())
        .value(Alias::new("events"), after.events)
        .value(Alias::new("wake_at"), after.loaded.wake_at.map(|at| at.0))
        .value(Alias::new("queue"), standing(run))
        .value(Alias::new("said"), said_to(run))
        .value(Alias::new("arrived_at"), run.arrived_at().0)
        .and_where(Expr::col("id").eq(run.id.to_string()))
        .and_where(Expr::col("version").eq(before.version));
    if before.loaded.gang.run.spec != run.spec {
        // It is settled who takes part.
        update
            .value(Alias::new("spec"), to_text("run", &run.spec)?)
            .value(Alias::new("needs"), to_text("needs", &run.spec.needs())?);
    }
    Ok(tx.execute(&update).await?.rows_affected() == 1)
}

/// Stores those assignments that are not as before.
async fn write_assignments(tx: &DatabaseTransaction, before: &Gang, after: &Gang) -> Result<(), StoreError> {
    let changed: Vec<_> = after
        .assignments
        .iter()
        .enumerate()
        .filter(|(place, assignment)| before.assignments.get(*place) != Some(*assignment))
        .collect();
    for part in changed.chunks(ROWS) {
        let mut insert = Query::insert();
        insert
            .into_table(Alias::new("assignment"))
            .columns(["id", "run_id", "party", "live", "place", "body"].map(Alias::new))
            .on_conflict(
                OnConflict::column(Alias::new("id"))
                    .update_columns(["live", "body"].map(Alias::new))
                    .to_owned(),
            );
        for (place, assignment) in part {
            insert.values_panic([
                assignment.id.to_string().into(),
                after.run.id.to_string().into(),
                assignment.party.as_str().into(),
                (!assignment.state.is_terminal()).into(),
                i64::try_from(*place).unwrap_or(i64::MAX).into(),
                to_text("assignment", assignment)?.into(),
            ]);
        }
        tx.execute(&insert).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_changes_are_remembered_and_older_ones_forgotten() {
        let mut changes = String::new();
        for number in 0..20 {
            changes = remember(&format!("{number}"), &changes);
        }
        assert_eq!(changes, "19 18 17 16 15 14 13 12");
    }
}
