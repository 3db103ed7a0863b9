//! Pages by number, with how many there are in all, and who takes part in which task.

use std::collections::BTreeSet;

use flow_domain::{PartyId, Template, task::Task};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, FromQueryResult,
    sea_query::{Alias, Expr, ExprTrait, Order, Query},
};

use super::{
    Sql, StoreError,
    blocks::{Changes, List, count},
    document::{Document, Kind},
    task, template,
};
use crate::store::kinds::{Numbered, Window};

/// Who takes part in a document: nobody in a template.
pub(super) type Parties = BTreeSet<String>;

/// Notes a new document.
pub(super) async fn made(tx: &DatabaseTransaction, kind: Kind, id: &str, parties: &Parties) -> Result<(), StoreError> {
    let mut changes = Changes::from([(List::All(kind), 1)]);
    join(tx, id, parties, &mut changes).await?;
    count(tx, id, changes).await
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
    count(tx, id, changes).await
}

/// Notes that a document is gone.
pub(super) async fn gone(tx: &DatabaseTransaction, kind: Kind, id: &str) -> Result<(), StoreError> {
    let mut changes = Changes::from([(List::All(kind), -1)]);
    if kind == Kind::Task {
        let before = parties_of(tx, id).await?;
        leave(tx, id, &before, &mut changes).await?;
    }
    count(tx, id, changes).await
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
        *changes.entry(List::OfParty(party.clone())).or_default() += 1;
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
        *changes.entry(List::OfParty(party.clone())).or_default() -= 1;
    }
    Ok(())
}

impl Sql {
    /// The documents of a part of a list, newest first, and how many there are in all.
    async fn page(&self, kind: Kind, list: &List, window: Window) -> Result<Numbered<Document>, StoreError> {
        let (place, total) = self.place(list, window.skip).await?;
        let Some(place) = place else {
            return Ok(Numbered {
                items: Vec::new(),
                total,
            });
        };
        let mut ids = list.ids(&place.below);
        ids.limit(Ord::min(window.limit, total - window.skip))
            .offset(place.skip);
        // MySQL takes no limit in a subquery of IN, but one further in.
        let mut page = Query::select();
        page.column(Alias::new("id")).from_subquery(ids, Alias::new("page"));
        let mut select = kind.select();
        select
            .and_where(Expr::col("id").in_subquery(page))
            .order_by(Alias::new("id"), Order::Desc);
        let rows = self.db.rows(&select).await?;
        let items: Result<_, _> = rows.iter().map(|row| Document::from_query_result(row, "")).collect();
        Ok(Numbered { items: items?, total })
    }

    /// A page of templates.
    pub(in crate::store) async fn template_page(&self, window: Window) -> Result<Numbered<Template>, StoreError> {
        let kind = Kind::Template;
        let page = self.page(kind, &List::All(kind), window).await?;
        let items: Result<_, _> = page.items.into_iter().map(template::read).collect();
        Ok(Numbered {
            items: items?,
            total: page.total,
        })
    }

    /// A page of tasks: of all, or of those in which a party takes part.
    pub(in crate::store) async fn task_page(
        &self,
        party: Option<&PartyId>,
        window: Window,
    ) -> Result<Numbered<Task>, StoreError> {
        let list = match party {
            None => List::All(Kind::Task),
            Some(party) => List::OfParty(party.to_string()),
        };
        let page = self.page(Kind::Task, &list, window).await?;
        let items: Result<_, _> = page.items.into_iter().map(task::read).collect();
        Ok(Numbered {
            items: items?,
            total: page.total,
        })
    }
}
