//! Pages by number, with how many there are in all. What is counted is kept beside the rows, in the transactions that make and delete them.

use std::collections::{BTreeMap, BTreeSet};

use flow_domain::{PartyId, Template, task::Task};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, FromQueryResult,
    sea_query::{
        Alias, Expr, ExprTrait, OnConflict, Order, Query, SelectStatement,
        extension::mysql::{IndexHintScope, MySqlSelectStatementExt},
    },
};

use super::{
    Sql, StoreError,
    document::{Document, Kind},
    task, template,
};
use crate::store::kinds::{Numbered, Window};

/// Who takes part in a document: nobody in a template.
pub(super) type Parties = BTreeSet<String>;

/// Changes by name.
type Changes = BTreeMap<String, i64>;

fn of_party(party: &str) -> String {
    format!("{}/{party}", Kind::Task.name())
}

/// Notes a new document.
pub(super) async fn made(tx: &DatabaseTransaction, kind: Kind, id: &str, parties: &Parties) -> Result<(), StoreError> {
    let mut changes = Changes::from([(kind.name().to_owned(), 1)]);
    join(tx, id, parties, &mut changes).await?;
    count(tx, changes).await
}

/// Notes who takes part in a document from now on.
pub(super) async fn changed(tx: &DatabaseTransaction, id: &str, parties: &Parties) -> Result<(), StoreError> {
    let before = parties_of(tx, id).await?;
    if before == *parties {
        return Ok(());
    }
    let mut changes = Changes::new();
    leave(tx, id, &before, &mut changes).await?;
    join(tx, id, parties, &mut changes).await?;
    changes.retain(|_, change| *change != 0);
    count(tx, changes).await
}

/// Notes that a document is gone.
pub(super) async fn gone(tx: &DatabaseTransaction, kind: Kind, id: &str) -> Result<(), StoreError> {
    let mut changes = Changes::from([(kind.name().to_owned(), -1)]);
    if kind == Kind::Task {
        let before = parties_of(tx, id).await?;
        leave(tx, id, &before, &mut changes).await?;
    }
    count(tx, changes).await
}

async fn parties_of(tx: &DatabaseTransaction, id: &str) -> Result<Parties, StoreError> {
    let mut select = Query::select();
    select
        .column(Alias::new("party"))
        .from(Alias::new("participant"))
        .and_where(Expr::col("task_id").eq(id));
    let rows = tx.query_all(&select).await?;
    let parties: Result<Parties, _> = rows.iter().map(|row| row.try_get("", "party")).collect();
    Ok(parties?)
}

async fn join(tx: &DatabaseTransaction, id: &str, parties: &Parties, changes: &mut Changes) -> Result<(), StoreError> {
    if parties.is_empty() {
        return Ok(());
    }
    let mut insert = Query::insert();
    insert
        .into_table(Alias::new("participant"))
        .columns(["party", "task_id"].map(Alias::new));
    for party in parties {
        insert.values_panic([party.as_str().into(), id.into()]);
        *changes.entry(of_party(party)).or_default() += 1;
    }
    tx.execute(&insert).await?;
    Ok(())
}

async fn leave(tx: &DatabaseTransaction, id: &str, before: &Parties, changes: &mut Changes) -> Result<(), StoreError> {
    if before.is_empty() {
        return Ok(());
    }
    let mut delete = Query::delete();
    delete
        .from_table(Alias::new("participant"))
        .and_where(Expr::col("task_id").eq(id));
    tx.execute(&delete).await?;
    for party in before {
        *changes.entry(of_party(party)).or_default() -= 1;
    }
    Ok(())
}

/// Adds to what was counted, always in the same order, so that two writers never wait for each other.
async fn count(tx: &DatabaseTransaction, changes: Changes) -> Result<(), StoreError> {
    for (name, change) in changes {
        let mut insert = Query::insert();
        insert
            .into_table(Alias::new("tally"))
            .columns(["name", "total"].map(Alias::new))
            .values_panic([name.into(), change.into()])
            .on_conflict(
                OnConflict::column(Alias::new("name"))
                    .value(
                        Alias::new("total"),
                        Expr::col((Alias::new("tally"), Alias::new("total"))).add(change),
                    )
                    .to_owned(),
            );
        tx.execute(&insert).await?;
    }
    Ok(())
}

impl Sql {
    async fn total(&self, name: &str) -> Result<u64, StoreError> {
        let mut select = Query::select();
        select
            .column(Alias::new("total"))
            .from(Alias::new("tally"))
            .and_where(Expr::col("name").eq(name));
        let row = self.db.row(&select).await?;
        let total: i64 = row.map(|row| row.try_get("", "total")).transpose()?.unwrap_or_default();
        Ok(u64::try_from(total).unwrap_or_default())
    }

    /// The documents whose ids a query finds, newest first.
    async fn documents(&self, kind: Kind, ids: SelectStatement) -> Result<Vec<Document>, StoreError> {
        // MySQL takes no limit in a subquery of IN, but one further in.
        let mut page = Query::select();
        page.column(Alias::new("id")).from_subquery(ids, Alias::new("page"));
        let mut select = kind.select();
        select
            .and_where(Expr::col("id").in_subquery(page))
            .order_by(Alias::new("id"), Order::Desc);
        let rows = self.db.rows(&select).await?;
        let rows: Result<Vec<_>, _> = rows.iter().map(|row| Document::from_query_result(row, "")).collect();
        Ok(rows?)
    }

    /// A page of templates.
    pub(in crate::store) async fn template_page(&self, window: Window) -> Result<Numbered<Template>, StoreError> {
        let total = self.total(Kind::Template.name()).await?;
        let documents = self
            .documents(Kind::Template, ids(Kind::Template.name(), "id", window, total))
            .await?;
        let items: Result<_, _> = documents.into_iter().map(template::read).collect();
        Ok(Numbered { items: items?, total })
    }

    /// A page of tasks: of all, or of those in which a party takes part.
    pub(in crate::store) async fn task_page(
        &self,
        party: Option<&PartyId>,
        window: Window,
    ) -> Result<Numbered<Task>, StoreError> {
        let (total, ids) = match party {
            None => {
                let total = self.total(Kind::Task.name()).await?;
                (total, ids(Kind::Task.name(), "id", window, total))
            }
            Some(party) => {
                let total = self.total(&of_party(party.as_str())).await?;
                let mut ids = ids("participant", "task_id", window, total);
                ids.and_where(Expr::col("party").eq(party.as_str()));
                (total, ids)
            }
        };
        let documents = self.documents(Kind::Task, ids).await?;
        let items: Result<_, _> = documents.into_iter().map(task::read).collect();
        Ok(Numbered { items: items?, total })
    }
}

/// The ids of a page, newest first. A page of the older half is counted from its end: the way there is half as long at most.
fn ids(table: &str, column: &str, window: Window, total: u64) -> SelectStatement {
    let column = Alias::new(column.to_owned());
    let mut select = Query::select();
    select.expr_as(Expr::col(column.clone()), Alias::new("id"));
    select.from(Alias::new(table.to_owned()));
    if table != "participant" {
        // MySQL would rather go through the rows with their documents. SQLite is not told.
        select.force_index(Alias::new(format!("{table}_id")), IndexHintScope::All);
    }
    let limit = Ord::min(window.limit, total.saturating_sub(window.skip));
    let behind = total.saturating_sub(window.skip).saturating_sub(limit);
    if behind < window.skip {
        select.order_by(column, Order::Asc).offset(behind);
    } else {
        select.order_by(column, Order::Desc).offset(window.skip);
    }
    select.limit(limit);
    select
}
