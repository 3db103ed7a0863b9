//! Runs with their assignments: stored when they are accepted, and read for the planner and for agents.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use flow_domain::{
    Assignment, PartyId, Run, RunId, RunSpec, TaskId, Timestamp,
    gang::{Event, Gang},
};
use sea_orm::{
    ConnectionTrait, QueryResult,
    sea_query::{Alias, Expr, ExprTrait, Func, JoinType, Order, Query, SelectStatement},
};
use serde_json::Value;

use super::{
    Claim, Created, Failed, Loaded, Sql, StoreError, TAKES, Tries, bounded, commit, events, from_json, idempotency,
    live::Known, said_to, standing, to_text,
};
use crate::store::shared::Notice;

/// How many parties are named in one statement.
const PARTIES: usize = 200;

/// The version of a run that was just stored.
const FIRST: i64 = 1;

const RUN: [&str; 4] = ["id", "spec", "status", "wake_at"];

pub(super) fn select_runs() -> SelectStatement {
    let mut select = Query::select();
    select.columns(RUN.map(Alias::new)).from(Alias::new("run"));
    select
}

pub(super) fn read_run(row: &QueryResult) -> Result<(Run, Option<Timestamp>), StoreError> {
    let spec: Value = row.try_get("", "spec")?;
    let mut status: Value = row.try_get("", "status")?;
    if let Value::Object(fields) = &mut status {
        fields.insert("spec".to_owned(), spec);
    }
    let wake_at: Option<i64> = row.try_get("", "wake_at")?;
    Ok((from_json("run", status)?, wake_at.map(Timestamp)))
}

pub(super) async fn assignments_of(
    db: &impl ConnectionTrait,
    runs: &[String],
) -> Result<BTreeMap<RunId, Vec<Assignment>>, StoreError> {
    let mut select = Query::select();
    select
        .column(Alias::new("body"))
        .from(Alias::new("assignment"))
        .and_where(Expr::col("run_id").is_in(runs.iter().map(String::as_str)))
        // As the index has them, so that nothing is to be sorted.
        .order_by(Alias::new("run_id"), Order::Asc)
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
        gang: Arc::new(Gang {
            assignments: assignments.remove(&run.id).unwrap_or_default(),
            run,
        }),
        wake_at,
    });
    Ok(gangs.collect())
}

impl Sql {
    /// Stores a run that was just accepted.
    ///
    /// # Errors
    /// If the idempotency key was used for something else.
    pub(in crate::store) async fn insert_run(
        &self,
        run: &Run,
        event: &Event,
        claim: Option<&Claim>,
    ) -> Result<Created, StoreError> {
        let id = run.id.to_string();
        bounded(async {
            let mut tries = Tries::default();
            loop {
                let failed = match self.try_insert_run(run, event, claim).await {
                    Ok(created) => return Ok(created),
                    Err(failed) => failed,
                };
                let is_done = async || Ok(self.db.has_row("run", &id).await?);
                if let Some(created) = tries.settle(failed, is_done).await? {
                    return Ok(created);
                }
            }
        })
        .await
    }

    async fn try_insert_run(
        &self,
        run: &Run,
        event: &Event,
        claim: Option<&Claim>,
    ) -> Result<Created, Failed<Created>> {
        let tx = self.db.join().await?;
        let id = run.id.to_string();
        if let Some(before) = idempotency::claim(&tx, claim, &id, run.created_at.0).await? {
            // Told only once that is certain: who created it may be in the same transaction.
            return commit(tx, Created::Before(before)).await;
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
                    "changes",
                    "events",
                    "wake_at",
                    "queue",
                    "said",
                    "needs",
                    "priority",
                    "arrived_at",
                    "created_at",
                ]
                .map(Alias::new),
            )
            .values_panic([
                id.into(),
                run.task.to_string().into(),
                run.state.to_string().into(),
                to_text::<RunSpec>("run", &run.spec)?.into(),
                to_text("run", run)?.into(),
                FIRST.into(),
                "".into(),
                1i64.into(),
                run.created_at.0.into(),
                standing(run).into(),
                said_to(run).into(),
                to_text("needs", &run.spec.needs())?.into(),
                i64::from(run.spec.policies.priority).into(),
                run.arrived_at().0.into(),
                run.created_at.0.into(),
            ]);
        tx.execute(&insert).await?;
        events::append(&tx, run.id, 0, std::slice::from_ref(event)).await?;
        let notice = Notice::Run {
            run: run.id,
            parties: BTreeSet::new(),
            queue: true,
        };
        self.note(&tx, &notice).await?;
        let created = commit(tx, Created::New).await?;
        self.standings.put(run, FIRST);
        self.live.put(Known::first(run, FIRST));
        Ok(created)
    }

    /// One gang.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(in crate::store) async fn gang(&self, id: RunId) -> Result<Option<Loaded>, StoreError> {
        self.looks.share(id, || self.look_at(id)).await
    }

    async fn look_at(&self, id: RunId) -> Result<Option<Loaded>, StoreError> {
        if let Some((loaded, version)) = self.live.look(id)
            && bounded(self.has_version(&*self.db, id, version)).await?
        {
            return Ok(Some(loaded));
        }
        let mut select = select_runs();
        select.and_where(Expr::col("id").eq(id.to_string()));
        Ok(bounded(load(&*self.db, &select)).await?.pop())
    }

    /// The runs that are to be planned by then, oldest wish first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(in crate::store) async fn due_runs(&self, by: Timestamp, limit: u64) -> Result<Vec<RunId>, StoreError> {
        let mut select = Query::select();
        select
            .column(Alias::new("id"))
            .from(Alias::new("run"))
            .and_where(Expr::col("wake_at").lte(by.0))
            .order_by(Alias::new("wake_at"), Order::Asc)
            .order_by(Alias::new("id"), Order::Asc)
            .limit(limit);
        self.ids(&select, "id").await
    }

    /// The runs that take something of their parties.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(in crate::store) async fn taking_runs(&self) -> Result<Vec<RunId>, StoreError> {
        let mut select = Query::select();
        select
            .column(Alias::new("id"))
            .from(Alias::new("run"))
            .and_where(Expr::col("queue").eq(TAKES));
        self.ids(&select, "id").await
    }

    /// The runs with an assignment that is not over at one of these parties.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(in crate::store) async fn live_runs_at(&self, parties: &[PartyId]) -> Result<Vec<RunId>, StoreError> {
        let mut found = BTreeSet::new();
        for part in parties.chunks(PARTIES) {
            let mut select = Query::select();
            select
                .column(Alias::new("run_id"))
                .from(Alias::new("assignment"))
                .and_where(Expr::col("party").is_in(part.iter().map(PartyId::as_str)))
                .and_where(Expr::col("live").eq(true));
            found.extend(self.ids(&select, "run_id").await?);
        }
        Ok(found.into_iter().collect())
    }

    async fn ids(&self, select: &SelectStatement, column: &str) -> Result<Vec<RunId>, StoreError> {
        let rows = self.db.rows(select).await?;
        let ids: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get("", column)).collect();
        // Only valid ids were ever written.
        Ok(ids?.iter().filter_map(|id| id.parse().ok()).collect())
    }

    /// The newest run of each of these tasks that has any.
    pub(in crate::store) async fn newest_gangs(&self, tasks: &[TaskId]) -> Result<Vec<Gang>, StoreError> {
        let mut gangs = Vec::new();
        for part in tasks.chunks(PARTIES) {
            let mut newest = Query::select();
            newest
                .expr_as(Func::max(Expr::col("id")), Alias::new("newest_id"))
                .from(Alias::new("run"))
                .and_where(Expr::col("task_id").is_in(part.iter().map(ToString::to_string)))
                .group_by_col(Alias::new("task_id"));
            // With IN instead of a join MySQL goes through all runs.
            let mut select = select_runs();
            select.join_subquery(
                JoinType::InnerJoin,
                newest,
                Alias::new("newest"),
                Expr::col("id").eq(Expr::col("newest_id")),
            );
            let loaded = bounded(load(&*self.db, &select)).await?;
            gangs.extend(loaded.into_iter().map(|loaded| Arc::unwrap_or_clone(loaded.gang)));
        }
        Ok(gangs)
    }

    /// All gangs with an assignment that the party's agent is to have.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(in crate::store) async fn gangs_at(&self, party: &PartyId) -> Result<Vec<Gang>, StoreError> {
        let mut ids = Query::select();
        ids.column(Alias::new("run_id"))
            .from(Alias::new("assignment"))
            .and_where(Expr::col("party").eq(party.as_str()))
            .and_where(Expr::col("live").eq(true));
        let mut select = select_runs();
        select.and_where(Expr::col("id").in_subquery(ids));
        let loaded = bounded(load(&*self.db, &select)).await?;
        Ok(loaded
            .into_iter()
            .map(|loaded| Arc::unwrap_or_clone(loaded.gang))
            .collect())
    }
}
