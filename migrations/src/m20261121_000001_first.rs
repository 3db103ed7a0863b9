//! Templates, tasks, runs, assignments, events, parties and idempotency keys.
//!
//! Times are whole microseconds since the epoch: MySQL's `timestamp` would lose them. What is asked for by a query is a column;
//! everything else of a row is one JSON document.

use sea_orm_migration::{prelude::*, schema};

/// The first schema.
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261121_000001_first"
    }
}

const TABLES: [&str; 7] = ["template", "task", "run", "assignment", "event", "party", "idempotency"];

fn id(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).char_len(32).not_null().to_owned()
}

fn text(name: &str, longest: u32) -> ColumnDef {
    ColumnDef::new(Alias::new(name))
        .string_len(longest)
        .not_null()
        .to_owned()
}

fn number(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).big_integer().not_null().to_owned()
}

fn json(name: &str) -> ColumnDef {
    schema::json(Alias::new(name))
}

fn table(name: &str, columns: Vec<ColumnDef>, key: &[&str]) -> TableCreateStatement {
    let mut table = Table::create();
    table.table(Alias::new(name));
    for column in columns {
        table.col(column);
    }
    let mut primary = Index::create();
    for column in key {
        primary.col(Alias::new(*column));
    }
    table.primary_key(&mut primary).to_owned()
}

fn index(on: &str, columns: &[&str], unique: bool) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(format!("{on}_{}", columns.join("_"))).table(Alias::new(on));
    for column in columns {
        index.col(Alias::new(*column));
    }
    if unique {
        index.unique();
    }
    index.to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let named = |name: &str, more: Vec<ColumnDef>| {
            let mut columns = vec![id("id"), text("name", 200), number("revision"), json("spec")];
            columns.extend(more);
            columns.extend([number("created_at"), number("modified_at")]);
            table(name, columns, &["id"])
        };
        manager.create_table(named("template", vec![])).await?;
        manager.create_table(named("task", vec![id("template_id")])).await?;
        let run = vec![
            id("id"),
            id("task_id"),
            text("state", 16),
            // The frozen spec is written once; the status is written with every change.
            json("spec"),
            json("status"),
            number("version"),
            ColumnDef::new(Alias::new("wake_at")).big_integer().null().to_owned(),
            number("created_at"),
        ];
        manager.create_table(table("run", run, &["id"])).await?;
        let assignment = vec![
            id("id"),
            id("run_id"),
            text("party", 63),
            // Not final yet: part of what its agent is to have.
            schema::boolean(Alias::new("live")),
            number("place"),
            json("body"),
        ];
        manager.create_table(table("assignment", assignment, &["id"])).await?;
        let event = vec![id("run_id"), number("sequence"), json("body")];
        manager
            .create_table(table("event", event, &["run_id", "sequence"]))
            .await?;
        let party = vec![
            text("id", 63),
            number("registered_at"),
            number("last_seen"),
            json("body"),
        ];
        manager.create_table(table("party", party, &["id"])).await?;
        let idempotency = vec![
            text("id", 64),
            text("fingerprint", 64),
            id("resource"),
            number("created_at"),
        ];
        manager.create_table(table("idempotency", idempotency, &["id"])).await?;
        for (on, columns, unique) in [
            ("template", &["name"][..], true),
            ("task", &["name"], true),
            ("task", &["template_id"], false),
            ("run", &["task_id"], false),
            ("run", &["state"], false),
            ("run", &["wake_at"], false),
            ("assignment", &["run_id"], false),
            ("assignment", &["party", "live"], false),
            ("idempotency", &["created_at"], false),
        ] {
            manager.create_index(index(on, columns, unique)).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in TABLES {
            manager
                .drop_table(Table::drop().table(Alias::new(name)).to_owned())
                .await?;
        }
        Ok(())
    }
}
