//! Changes of gangs: read, changed and written in one transaction, once and only once.

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
    said_to, standing, to_json,
};
use crate::store::shared::{Fence, Notice};

/// How many of its last changes a run remembers the ids of. A change that is not among them was not done, as long as no
/// more than that many others were while its own outcome was looked for.
const REMEMBERED: usize = 8;

/// How many assignments are written by one statement.
const ROWS: usize = 100;

/// The gang as it was, and what was made of it; nothing if there is no such run.
type Done = Option<Box<(Gang, Option<Planned>)>>;

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
    ) -> Result<Option<(Gang, Option<Planned>)>, E> {
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
        let tx = self.db.begin().await?;
        let id = id.to_string();
        let mut select = select_runs();
        select
            .columns(["changes", "events"].map(Alias::new))
            .and_where(Expr::col("id").eq(id.as_str()));
        // Whoever else changes this run waits here until this is done.
        self.db.lock(&mut select);
        let Some(row) = tx.query_one(&select).await? else {
            return Ok(None);
        };
        let (changes, events): (String, i64) = (row.try_get("", "changes")?, row.try_get("", "events")?);
        let (run, wake_at) = read_run(&row)?;
        let assignments = assignments_of(&*tx, &[id]).await?.remove(&run.id).unwrap_or_default();
        let loaded = Loaded {
            gang: Gang { run, assignments },
            wake_at,
        };
        let Some((planned, wake_at)) = change(&loaded).map_err(Refusal::Callers)? else {
            return Ok(Some(Box::new((loaded.gang, None))));
        };
        if let Some(fence) = fence {
            self.check(&tx, fence).await?;
        }
        let marks = Marks {
            wake_at,
            changes: remember(own, &changes),
            events,
        };
        write(&tx, &loaded.gang, &planned, marks).await?;
        if let Some(notice) = Notice::of(&loaded.gang, &planned.gang, planned.events.len()) {
            self.note(&tx, &notice).await?;
        }
        let done = Some(Box::new((loaded.gang, Some(planned))));
        commit(tx, done).await.map_err(Refusal::Stores)
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

/// What is stored beside a run.
struct Marks {
    /// When it is to be looked at again.
    wake_at: Option<Timestamp>,
    /// The ids of its last changes, this one's first.
    changes: String,
    /// How many events it had before.
    events: i64,
}

async fn write(tx: &DatabaseTransaction, before: &Gang, planned: &Planned, marks: Marks) -> Result<(), StoreError> {
    let Marks {
        wake_at,
        changes,
        events,
    } = marks;
    let added = i64::try_from(planned.events.len()).unwrap_or(i64::MAX);
    let run = &planned.gang.run;
    let mut update = Query::update();
    update
        .table(Alias::new("run"))
        .value(Alias::new("state"), run.state.to_string())
        .value(Alias::new("status"), to_json("run", run)?)
        .value(Alias::new("version"), Expr::col("version").add(1))
        .value(Alias::new("changes"), changes)
        .value(Alias::new("events"), events + added)
        .value(Alias::new("wake_at"), wake_at.map(|at| at.0))
        .value(Alias::new("queue"), standing(run))
        .value(Alias::new("said"), said_to(run))
        .value(Alias::new("arrived_at"), run.arrived_at().0)
        .and_where(Expr::col("id").eq(run.id.to_string()));
    if before.run.spec != run.spec {
        // It is settled who takes part.
        update
            .value(Alias::new("spec"), to_json("run", &run.spec)?)
            .value(Alias::new("needs"), to_json("needs", &run.spec.needs())?);
    }
    tx.execute(&update).await?;
    let changed: Vec<_> = planned
        .gang
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
                run.id.to_string().into(),
                assignment.party.as_str().into(),
                (!assignment.state.is_terminal()).into(),
                i64::try_from(*place).unwrap_or(i64::MAX).into(),
                to_json("assignment", assignment)?.into(),
            ]);
        }
        tx.execute(&insert).await?;
    }
    events::append(tx, run.id, events, &planned.events).await
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
