//! Templates, tasks, runs, assignments, events, parties and idempotency keys.
//!
//! Times are whole microseconds since the epoch: MySQL's `timestamp` would lose them. What is asked for by a query is a column;
//! everything else of a row is one JSON document.
//!
//! Ids of runs, tasks and templates begin with their time, so their order is that of arrival. Every list is read in that
//! order from an index, and a page costs the same however many rows there are.

use sea_orm_migration::{prelude::*, schema};

use crate::table::{On, Tables, id, number, optional_number, text};

/// The first schema.
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261121_000001_first"
    }
}

const TABLES: [&str; 7] = ["template", "task", "run", "assignment", "event", "party", "idempotency"];

fn json(name: &str) -> ColumnDef {
    schema::json(Alias::new(name))
}

/// The columns of a named document, with more before its times.
fn named(more: Vec<ColumnDef>) -> Vec<ColumnDef> {
    let mut columns = vec![id("id"), text("name", 200), number("revision"), json("spec")];
    columns.extend(more);
    columns.extend([number("created_at"), number("modified_at")]);
    columns
}

fn run() -> Vec<ColumnDef> {
    vec![
        id("id"),
        id("task_id"),
        text("state", 16),
        // The frozen spec is written once, and once more where it is settled later who takes part; the status is written with every change.
        json("spec"),
        json("status"),
        number("version"),
        // Ids of the last changes, so that one whose answer was lost can be looked for.
        text("changes", 300),
        // How many events there are.
        number("events"),
        optional_number("wake_at"),
        // What the queue decides on: whether it waits (1), takes what it needs (2) or neither (0), how much that is of which party, and
        // its place among others by priority and arrival; and what it was told last that it waits for.
        number("queue"),
        ColumnDef::new(Alias::new("said")).text().not_null().to_owned(),
        json("needs"),
        number("priority"),
        number("arrived_at"),
        number("created_at"),
    ]
}

fn assignment() -> Vec<ColumnDef> {
    vec![
        id("id"),
        id("run_id"),
        text("party", 63),
        // Not final yet: part of what its agent is to have.
        schema::boolean(Alias::new("live")),
        number("place"),
        json("body"),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = Tables::of(manager).await?;
        let name = || On(&["name"], true);
        tables.create("template", named(vec![]), &["id"], &[name()]).await?;
        let of_template = On(&["template_id"], false);
        tables
            .create("task", named(vec![id("template_id")]), &["id"], &[name(), of_template])
            .await?;
        let lists = [
            On(&["task_id", "id"], false),
            On(&["state", "id"], false),
            On(&["task_id", "state", "id"], false),
            On(&["wake_at", "id"], false),
            On(&["queue", "id"], false),
        ];
        tables.create("run", run(), &["id"], &lists).await?;
        let of_run = On(&["run_id", "place"], false);
        let of_party = On(&["party", "live", "run_id"], false);
        tables
            .create("assignment", assignment(), &["id"], &[of_run, of_party])
            .await?;
        let event = vec![id("run_id"), number("sequence"), json("body")];
        tables.create("event", event, &["run_id", "sequence"], &[]).await?;
        let party = vec![
            text("id", 63),
            number("registered_at"),
            number("last_seen"),
            json("body"),
        ];
        tables.create("party", party, &["id"], &[]).await?;
        let idempotency = vec![
            text("id", 64),
            text("fingerprint", 64),
            id("resource"),
            number("created_at"),
        ];
        let by_age = On(&["created_at"], false);
        tables.create("idempotency", idempotency, &["id"], &[by_age]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in TABLES {
            let drop = Table::drop().table(Alias::new(name)).if_exists().to_owned();
            manager.drop_table(drop).await?;
        }
        Ok(())
    }
}
