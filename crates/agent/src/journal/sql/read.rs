//! What the journal is asked.

use flow_database::bounded;
use flow_domain::AssignmentId;
use sea_orm::{
    ConnectionTrait, QueryResult,
    sea_query::{Alias, Expr, ExprTrait, Order, Query, SelectStatement},
};
use serde_json::Value;

use super::{JournalError, Sql, from_json};
use crate::journal::entry::{Entry, Filter, JournalEvent, Standing};

/// The most ids that one look brings: as many assignments as a server may want of an agent.
const MOST_IDS: u64 = 100_000;

impl Sql {
    pub(super) fn select(&self, columns: &[&'static str]) -> SelectStatement {
        let mut select = Query::select();
        select
            .columns(columns.iter().copied().map(Alias::new))
            .from(Alias::new("journal_assignment"))
            .and_where(self.own());
        select
    }

    /// Those of that standing, in the order in which they were cleared away.
    pub(in crate::journal) async fn standing(&self, standing: Standing) -> Result<Vec<AssignmentId>, JournalError> {
        let mut select = self.select(&["id"]);
        select
            .and_where(Expr::col("standing").eq(standing.number()))
            .order_by(Alias::new("cleared_at"), Order::Asc)
            .order_by(Alias::new("id"), Order::Asc)
            .limit(MOST_IDS);
        let rows = self.db.rows(&select).await?;
        rows.iter().map(id_of).collect()
    }

    /// Assignments, newest first.
    pub(in crate::journal) async fn assignments(
        &self,
        filter: &Filter,
        limit: u64,
    ) -> Result<Vec<Entry>, JournalError> {
        let mut select = self.select(&["body"]);
        if let Some(run) = filter.run {
            select.and_where(Expr::col("run_id").eq(run.to_string()));
        }
        if let Some(task) = filter.task {
            select.and_where(Expr::col("task_id").eq(task.to_string()));
        }
        if let Some(state) = filter.state {
            select.and_where(Expr::col("state").eq(state.to_string()));
        }
        if let Some(after) = filter.after {
            let at = after.given_at.micros();
            let id = Expr::col("id").lt(after.id.to_string());
            select
                .and_where(Expr::col("given_at").lte(at))
                .and_where(Expr::col("given_at").lt(at).or(id));
        }
        select
            .order_by(Alias::new("given_at"), Order::Desc)
            .order_by(Alias::new("id"), Order::Desc)
            .limit(limit);
        let rows = self.db.rows(&select).await?;
        rows.iter().map(entry_of).collect()
    }

    /// One assignment.
    pub(in crate::journal) async fn assignment(&self, id: AssignmentId) -> Result<Option<Entry>, JournalError> {
        let mut select = self.select(&["body"]);
        select.and_where(Expr::col("id").eq(id.to_string()));
        self.db.row(&select).await?.as_ref().map(entry_of).transpose()
    }

    /// What was asked in full.
    pub(in crate::journal) async fn spec(&self, id: AssignmentId) -> Result<Option<Value>, JournalError> {
        let mut select = self.select(&["spec"]);
        select.and_where(Expr::col("id").eq(id.to_string()));
        let row = self.db.row(&select).await?;
        Ok(row.map(|row| row.try_get("", "spec")).transpose()?.flatten())
    }

    /// An assignment's events after `after`.
    pub(in crate::journal) async fn events(
        &self,
        id: AssignmentId,
        after: u64,
        limit: u64,
    ) -> Result<Vec<JournalEvent>, JournalError> {
        let mut select = Query::select();
        select
            .columns(["sequence", "body"].map(Alias::new))
            .from(Alias::new("journal_event"))
            .and_where(self.own())
            .and_where(Expr::col("assignment_id").eq(id.to_string()))
            .and_where(Expr::col("sequence").gt(i64::try_from(after).unwrap_or(i64::MAX)))
            .order_by(Alias::new("sequence"), Order::Asc)
            .limit(limit);
        let rows = self.db.rows(&select).await?;
        rows.iter()
            .map(|row| from_json("event", row.try_get("", "body")?))
            .collect()
    }

    /// Whether a batch was written, once every transaction that might write it has ended.
    pub(in crate::journal) async fn is_written(&self, batch: &str) -> Result<bool, JournalError> {
        let mut select = Query::select();
        select
            .column(Alias::new("batch"))
            .from(Alias::new("journal_party"))
            .and_where(self.own());
        self.db.lock(&mut select);
        let row = bounded(async { self.db.query_one(&select).await }).await?;
        let newest: Option<String> = row.map(|row| row.try_get("", "batch")).transpose()?;
        Ok(newest.as_deref() == Some(batch))
    }
}

pub(super) fn id_of(row: &QueryResult) -> Result<AssignmentId, JournalError> {
    let id: String = row.try_get("", "id")?;
    id.parse().map_err(|_| JournalError::Unreadable {
        what: "id",
        source: serde::de::Error::custom(format!("'{id}' is no id of an assignment")),
    })
}

pub(super) fn entry_of(row: &QueryResult) -> Result<Entry, JournalError> {
    from_json("assignment", row.try_get("", "body")?)
}
