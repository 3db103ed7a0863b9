//! Lists of documents in blocks: how many there are between which ids. They are changed in the transactions that make and delete
//! documents, so a list's length is theirs, and the way to a page by its number leads through one block at most.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, QueryResult,
    sea_query::{
        Alias, Expr, ExprTrait, OnConflict, Order, Query, SelectStatement,
        extension::mysql::{IndexHintScope, MySqlSelectStatementExt},
    },
};

use super::{Sql, StoreError, document::Kind};

/// Where the block of the newest documents ends: after all ids. Whoever changes a list changes this block first, and so is alone with it.
const OPEN: &str = "~";

/// A block with more documents is cut.
const MOST: i64 = 1000;

/// How many of them stay above the cut.
const ABOVE: i64 = 500;

/// Documents in the order of their ids, in which they are made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum List {
    /// All of a kind.
    All(Kind),
    /// The tasks in which a party takes part.
    OfParty(String),
}

/// By how many documents lists become longer.
pub(super) type Changes = BTreeMap<List, i64>;

impl List {
    fn name(&self) -> String {
        match self {
            Self::All(kind) => kind.name().to_owned(),
            Self::OfParty(party) => format!("{}/{party}", Kind::Task.name()),
        }
    }

    /// The ids before `below`, newest first.
    pub(super) fn ids(&self, below: &str) -> SelectStatement {
        let (table, column) = match self {
            Self::All(kind) => (kind.name(), "id"),
            Self::OfParty(_) => ("participant", "task_id"),
        };
        let mut select = Query::select();
        select
            .expr_as(Expr::col(Alias::new(column)), Alias::new("id"))
            .from(Alias::new(table));
        match self {
            // MySQL would rather go through the rows with their documents. SQLite is not told.
            Self::All(_) => {
                select.force_index(Alias::new(format!("{table}_id")), IndexHintScope::All);
            }
            Self::OfParty(party) => {
                select.and_where(Expr::col("party").eq(party.as_str()));
            }
        }
        select
            .and_where(Expr::col(column).lt(below))
            .order_by(Alias::new(column), Order::Desc);
        select
    }
}

/// Where in a list a document is.
pub(super) struct Place {
    /// Below this id.
    pub(super) below: String,
    /// After so many below it.
    pub(super) skip: u64,
}

impl Sql {
    /// Where the document is of which so many are newer, if the list is that long, and how long it is.
    pub(super) async fn place(&self, list: &List, newer: u64) -> Result<(Option<Place>, u64), StoreError> {
        let mut select = Query::select();
        select
            .columns(["below", "held"].map(Alias::new))
            .from(Alias::new("block"))
            .and_where(Expr::col("list").eq(list.name()))
            .order_by(Alias::new("below"), Order::Desc);
        let (mut total, mut at) = (0, None);
        for row in self.db.rows(&select).await? {
            let held: i64 = row.try_get("", "held")?;
            let until = total + u64::try_from(held).unwrap_or_default();
            if at.is_none() && newer < until {
                at = Some(Place {
                    below: row.try_get("", "below")?,
                    skip: newer - total,
                });
            }
            total = until;
        }
        Ok((at, total))
    }
}

/// From its first id up to the next block's.
struct Block {
    list: String,
    below: String,
    since: String,
    held: i64,
}

impl Block {
    fn read(row: &QueryResult) -> Result<Self, sea_orm::DbErr> {
        Ok(Self {
            list: row.try_get("", "list")?,
            below: row.try_get("", "below")?,
            since: row.try_get("", "since")?,
            held: row.try_get("", "held")?,
        })
    }

    fn select(lists: impl IntoIterator<Item = String>) -> SelectStatement {
        let mut select = Query::select();
        select
            .columns(["list", "below", "since", "held"].map(Alias::new))
            .from(Alias::new("block"))
            .and_where(Expr::col("list").is_in(lists));
        select
    }

    async fn write(&self, tx: &DatabaseTransaction) -> Result<(), StoreError> {
        let mut update = Query::update();
        update
            .table(Alias::new("block"))
            .value(Alias::new("since"), self.since.as_str())
            .value(Alias::new("held"), self.held)
            .and_where(Expr::col("list").eq(self.list.as_str()))
            .and_where(Expr::col("below").eq(self.below.as_str()));
        tx.execute(&update).await?;
        Ok(())
    }
}

/// Notes that a document joined lists or left them, which it has done in the same transaction.
pub(super) async fn count(tx: &DatabaseTransaction, id: &str, changes: Changes) -> Result<(), StoreError> {
    let changes: Vec<_> = changes.into_iter().filter(|(_, change)| *change != 0).collect();
    if changes.is_empty() {
        return Ok(());
    }
    // Always in the same order, so that two writers never wait for each other.
    for alike in changes.chunk_by(|(_, one), (_, other)| one == other) {
        grow(tx, alike).await?;
    }
    let mut select = Block::select(changes.iter().map(|(list, _)| list.name()));
    select.and_where(Expr::col("below").eq(OPEN));
    let mut newest = HashMap::new();
    for row in tx.query_all(&select).await? {
        let block = Block::read(&row)?;
        newest.insert(block.list.clone(), block);
    }
    for (list, change) in changes {
        let Some(mut block) = newest.remove(&list.name()) else {
            continue;
        };
        if id < block.since.as_str() {
            block.held -= change;
            block.write(tx).await?;
            block = older(tx, &list, id).await?.unwrap_or(block);
            block.held += change;
            block.write(tx).await?;
        }
        match block.held {
            0 => drop_empty(tx, &block).await?,
            held if held > MOST => cut(tx, &list, block).await?,
            _ => {}
        }
    }
    Ok(())
}

/// Changes the newest blocks of lists, all by as many.
async fn grow(tx: &DatabaseTransaction, alike: &[(List, i64)]) -> Result<(), StoreError> {
    let mut insert = Query::insert();
    insert
        .into_table(Alias::new("block"))
        .columns(["list", "below", "since", "held"].map(Alias::new));
    let mut by = 0;
    for (list, change) in alike {
        by = *change;
        insert.values_panic([list.name().into(), OPEN.into(), "".into(), by.into()]);
    }
    let held = Expr::col((Alias::new("block"), Alias::new("held"))).add(by);
    let key = OnConflict::columns(["list", "below"].map(Alias::new))
        .value(Alias::new("held"), held)
        .to_owned();
    tx.execute(insert.on_conflict(key)).await?;
    Ok(())
}

/// The block to which an id belongs that is older than the newest block.
async fn older(tx: &DatabaseTransaction, list: &List, id: &str) -> Result<Option<Block>, StoreError> {
    let mut select = Block::select([list.name()]);
    select
        .and_where(Expr::col("below").gt(id))
        .order_by(Alias::new("below"), Order::Asc)
        .limit(1);
    let row = tx.query_one(&select).await?;
    Ok(row.map(|row| Block::read(&row)).transpose()?)
}

/// Lets the next block begin where an empty one did.
async fn drop_empty(tx: &DatabaseTransaction, block: &Block) -> Result<(), StoreError> {
    if block.below == OPEN {
        return Ok(());
    }
    let mut delete = Query::delete();
    delete
        .from_table(Alias::new("block"))
        .and_where(Expr::col("list").eq(block.list.as_str()))
        .and_where(Expr::col("below").eq(block.below.as_str()));
    tx.execute(&delete).await?;
    let mut update = Query::update();
    update
        .table(Alias::new("block"))
        .value(Alias::new("since"), block.since.as_str())
        .and_where(Expr::col("list").eq(block.list.as_str()))
        .and_where(Expr::col("since").eq(block.below.as_str()));
    tx.execute(&update).await?;
    Ok(())
}

/// Makes two blocks of one. Documents that others are about to add or take away are not counted yet, and not seen here either.
async fn cut(tx: &DatabaseTransaction, list: &List, mut block: Block) -> Result<(), StoreError> {
    let mut first = list.ids(&block.below);
    first.limit(1).offset(u64::try_from(ABOVE - 1).unwrap_or_default());
    let Some(row) = tx.query_one(&first).await? else {
        return Ok(());
    };
    let first: String = row.try_get("", "id")?;
    let mut insert = Query::insert();
    insert
        .into_table(Alias::new("block"))
        .columns(["list", "below", "since", "held"].map(Alias::new))
        .values_panic([
            block.list.as_str().into(),
            first.as_str().into(),
            block.since.as_str().into(),
            (block.held - ABOVE).into(),
        ]);
    tx.execute(&insert).await?;
    block.since = first;
    block.held = ABOVE;
    block.write(tx).await
}
