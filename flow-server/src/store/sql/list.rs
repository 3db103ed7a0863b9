//! Lists of runs, page by page.

use flow_domain::{Run, RunState};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Order, Query, SelectStatement, UnionType};

use super::{
    RunFilter, Sql, StoreError,
    gang::{read_run, select_runs},
};

impl Sql {
    /// Runs, newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(in crate::store) async fn runs(&self, filter: &RunFilter, limit: u64) -> Result<Vec<Run>, StoreError> {
        let mut select = match page(filter, limit) {
            Some(page) => {
                let mut select = select_runs();
                select.and_where(Expr::col("id").in_subquery(page));
                select
            }
            None => {
                let mut select = select_runs();
                restrict(&mut select, filter, filter.states.first().copied());
                select
            }
        };
        select.order_by(Alias::new("id"), Order::Desc).limit(limit);
        let rows = self.db.rows(&select).await?;
        rows.iter().map(|row| read_run(row).map(|(run, _)| run)).collect()
    }
}

/// The ids of a page of runs in several states: the newest of the newest of each state. No index has the runs of several
/// states in their order, so asking for them at once would sort all there are.
fn page(filter: &RunFilter, limit: u64) -> Option<SelectStatement> {
    let mut states = filter.states.clone();
    states.sort_unstable();
    states.dedup();
    if states.len() < 2 {
        return None;
    }
    let mut each = states.into_iter().zip(0..).map(|(state, number)| {
        let mut newest = Query::select();
        newest.column(Alias::new("id")).from(Alias::new("run"));
        restrict(&mut newest, filter, Some(state));
        newest.order_by(Alias::new("id"), Order::Desc).limit(limit);
        let mut ids = Query::select();
        ids.column(Alias::new("id"))
            .from_subquery(newest, Alias::new(format!("state_{number}")));
        ids
    });
    let mut union = each.next()?;
    for ids in each {
        union.union(UnionType::All, ids);
    }
    union.order_by(Alias::new("id"), Order::Desc).limit(limit);
    // MySQL takes no limit in a subquery of IN, but one further in.
    let mut page = Query::select();
    page.column(Alias::new("id")).from_subquery(union, Alias::new("page"));
    Some(page)
}

fn restrict(select: &mut SelectStatement, filter: &RunFilter, state: Option<RunState>) {
    if let Some(task) = filter.task {
        select.and_where(Expr::col("task_id").eq(task.to_string()));
    }
    if let Some(state) = state {
        select.and_where(Expr::col("state").eq(state.to_string()));
    }
    if let Some(after) = filter.after {
        select.and_where(Expr::col("id").lt(after.to_string()));
    }
}
