//! Runs with their assignments and events. A gang is read, changed and written in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use flow_domain::{
    Assignment, PartyId, Run, RunId, RunSpec, RunState, TaskId, Timestamp,
    gang::{Event, Gang, Planned},
};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, QueryResult,
    sea_query::{Alias, Expr, ExprTrait, OnConflict, Order, Query, SelectStatement},
};
use serde_json::Value;

use super::{Claim, Created, Store, StoreError, events, from_json, idempotency, to_json};

/// A gang as it is stored.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The gang.
    pub gang: Gang,
    /// When it is to be planned next; `None` if it is final.
    pub wake_at: Option<Timestamp>,
}

/// Which runs to list.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Of this task.
    pub task: Option<TaskId>,
    /// In one of these states; any if empty.
    pub states: Vec<RunState>,
    /// Older than this one.
    pub after: Option<RunId>,
}

const RUN: [&str; 4] = ["id", "spec", "status", "wake_at"];

fn select_runs() -> SelectStatement {
    let mut select = Query::select();
    select.columns(RUN.map(Alias::new)).from(Alias::new("run"));
    select
}

fn read_run(row: &QueryResult) -> Result<(Run, Option<Timestamp>), StoreError> {
    let spec: Value = row.try_get("", "spec")?;
    let mut status: Value = row.try_get("", "status")?;
    if let Value::Object(fields) = &mut status {
        fields.insert("spec".to_owned(), spec);
    }
    let wake_at: Option<i64> = row.try_get("", "wake_at")?;
    Ok((from_json("run", status)?, wake_at.map(Timestamp)))
}

/// A run without its frozen spec, which is written once and never again.
fn status_of(run: &Run) -> Result<Value, StoreError> {
    let mut status = to_json("run", run)?;
    if let Value::Object(fields) = &mut status {
        fields.remove("spec");
    }
    Ok(status)
}

async fn assignments_of(
    db: &impl ConnectionTrait,
    runs: &[String],
) -> Result<BTreeMap<RunId, Vec<Assignment>>, StoreError> {
    let mut select = Query::select();
    select
        .column(Alias::new("body"))
        .from(Alias::new("assignment"))
        .and_where(Expr::col("run_id").is_in(runs.iter().map(String::as_str)))
        .order_by(Alias::new("place"), Order::Asc);
    let mut out: BTreeMap<RunId, Vec<Assignment>> = BTreeMap::new();
    for row in db.query_all(&select).await? {
        let assignment: Assignment = from_json("assignment", row.try_get("", "body")?)?;
        out.entry(assignment.run).or_default().push(assignment);
    }
    Ok(out)
}

async fn load(db: &impl ConnectionTrait, select: &SelectStatement) -> Result<Vec<Loaded>, StoreError> {
    let rows = db.query_all(select).await?;
    let runs: Vec<_> = rows.iter().map(read_run).collect::<Result<_, _>>()?;
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<String> = runs.iter().map(|(run, _)| run.id.to_string()).collect();
    let mut assignments = assignments_of(db, &ids).await?;
    let gangs = runs.into_iter().map(|(run, wake_at)| Loaded {
        gang: Gang {
            assignments: assignments.remove(&run.id).unwrap_or_default(),
            run,
        },
        wake_at,
    });
    Ok(gangs.collect())
}

impl Store {
    /// Stores a run that was just accepted.
    ///
    /// # Errors
    /// If the idempotency key was used for something else.
    pub async fn insert_run(&self, run: &Run, event: &Event, claim: Option<&Claim>) -> Result<Created, StoreError> {
        let tx = self.begin().await?;
        let id = run.id.to_string();
        if let Some(before) = idempotency::claim(&tx, claim, &id, run.created_at.0).await? {
            return Ok(Created::Before(before));
        }
        let mut insert = Query::insert();
        insert
            .into_table(Alias::new("run"))
            .columns(
                [
                    "id",
                    "task_id",
                    "state",
                    "spec",
                    "status",
                    "version",
                    "wake_at",
                    "created_at",
                ]
                .map(Alias::new),
            )
            .values_panic([
                id.into(),
                run.task.to_string().into(),
                run.state.to_string().into(),
                to_json::<RunSpec>("run", &run.spec)?.into(),
                status_of(run)?.into(),
                1i64.into(),
                run.created_at.0.into(),
                run.created_at.0.into(),
            ]);
        tx.execute(&insert).await?;
        events::append(&tx, run.id, std::slice::from_ref(event)).await?;
        tx.commit().await?;
        Ok(Created::New)
    }

    /// One gang.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn gang(&self, id: RunId) -> Result<Option<Loaded>, StoreError> {
        let mut select = select_runs();
        select.and_where(Expr::col("id").eq(id.to_string()));
        Ok(load(&self.db, &select).await?.pop())
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn runs(&self, filter: &RunFilter, limit: u64) -> Result<Vec<Run>, StoreError> {
        let mut select = select_runs();
        select.order_by(Alias::new("id"), Order::Desc).limit(limit);
        if let Some(task) = filter.task {
            select.and_where(Expr::col("task_id").eq(task.to_string()));
        }
        if !filter.states.is_empty() {
            let states = filter.states.iter().map(|state| state.to_string());
            select.and_where(Expr::col("state").is_in(states));
        }
        if let Some(after) = filter.after {
            select.and_where(Expr::col("id").lt(after.to_string()));
        }
        let rows = self.db.query_all(&select).await?;
        rows.iter().map(|row| read_run(row).map(|(run, _)| run)).collect()
    }

    /// The runs that are to be planned by then, oldest wish first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn due_runs(&self, by: Timestamp, limit: u64) -> Result<Vec<RunId>, StoreError> {
        let mut select = Query::select();
        select
            .column(Alias::new("id"))
            .from(Alias::new("run"))
            .and_where(Expr::col("wake_at").lte(by.0))
            .order_by(Alias::new("wake_at"), Order::Asc)
            .limit(limit);
        let rows = self.db.query_all(&select).await?;
        let ids: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get("", "id")).collect();
        Ok(ids?.iter().filter_map(|id| id.parse().ok()).collect())
    }

    /// All gangs with an assignment that the party's agent is to have.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn gangs_at(&self, party: &PartyId) -> Result<Vec<Gang>, StoreError> {
        let mut ids = Query::select();
        ids.column(Alias::new("run_id"))
            .from(Alias::new("assignment"))
            .and_where(Expr::col("party").eq(party.as_str()))
            .and_where(Expr::col("live").eq(true));
        let mut select = select_runs();
        select.and_where(Expr::col("id").in_subquery(ids));
        let loaded = load(&self.db, &select).await?;
        Ok(loaded.into_iter().map(|loaded| loaded.gang).collect())
    }

    /// Changes a gang: `change` sees it as it is stored, and what it answers is stored in the same transaction.
    /// Answers what was there before, and what was made of it, or `None` if there is no such run.
    ///
    /// # Errors
    /// What `change` says, or if the database does not do it.
    pub async fn change_gang<E: From<StoreError>>(
        &self,
        id: RunId,
        change: impl FnOnce(&Loaded) -> Result<Option<(Planned, Option<Timestamp>)>, E> + Send,
    ) -> Result<Option<(Gang, Option<Planned>)>, E> {
        let tx = self.begin().await.map_err(StoreError::from)?;
        let mut select = select_runs();
        select.and_where(Expr::col("id").eq(id.to_string()));
        if tx.get_database_backend() == DbBackend::MySql {
            select.lock_exclusive();
        }
        let Some(loaded) = load(&tx, &select).await?.pop() else {
            return Ok(None);
        };
        let Some((planned, wake_at)) = change(&loaded)? else {
            return Ok(Some((loaded.gang, None)));
        };
        write(&tx, &loaded.gang, &planned, wake_at).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Some((loaded.gang, Some(planned))))
    }
}

async fn write(
    tx: &DatabaseTransaction,
    before: &Gang,
    planned: &Planned,
    wake_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    let run = &planned.gang.run;
    let mut update = Query::update();
    update
        .table(Alias::new("run"))
        .value(Alias::new("state"), run.state.to_string())
        .value(Alias::new("status"), status_of(run)?)
        .value(Alias::new("version"), Expr::col("version").add(1))
        .value(Alias::new("wake_at"), wake_at.map(|at| at.0))
        .and_where(Expr::col("id").eq(run.id.to_string()));
    tx.execute(&update).await?;
    for (place, assignment) in planned.gang.assignments.iter().enumerate() {
        if before.assignments.get(place) == Some(assignment) {
            continue;
        }
        let mut insert = Query::insert();
        insert
            .into_table(Alias::new("assignment"))
            .columns(["id", "run_id", "party", "live", "place", "body"].map(Alias::new))
            .values_panic([
                assignment.id.to_string().into(),
                run.id.to_string().into(),
                assignment.party.as_str().into(),
                (!assignment.state.is_terminal()).into(),
                i64::try_from(place).unwrap_or(i64::MAX).into(),
                to_json("assignment", assignment)?.into(),
            ])
            .on_conflict(
                OnConflict::column(Alias::new("id"))
                    .update_columns(["live", "body"].map(Alias::new))
                    .to_owned(),
            );
        tx.execute(&insert).await?;
    }
    events::append(tx, run.id, &planned.events).await
}

/// The parties whose desired set differs between two states of a gang.
pub(crate) fn parties_to_tell(before: &Gang, after: &Gang) -> BTreeSet<PartyId> {
    let wanted = |gang: &Gang| -> BTreeMap<_, _> {
        gang.assignments
            .iter()
            .filter(|a| !a.state.is_terminal())
            .map(|a| (a.id, (a.generation, a.party.clone())))
            .collect()
    };
    let (before, after) = (wanted(before), wanted(after));
    let changed = |from: &BTreeMap<_, (u64, PartyId)>, to: &BTreeMap<_, (u64, PartyId)>| -> Vec<PartyId> {
        from.iter()
            .filter(|(id, value)| to.get(*id) != Some(*value))
            .map(|(_, (_, party))| party.clone())
            .collect()
    };
    changed(&before, &after)
        .into_iter()
        .chain(changed(&after, &before))
        .collect()
}
