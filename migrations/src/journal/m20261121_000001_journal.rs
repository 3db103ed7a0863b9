//! Parties, their assignments, and what happened to each.
//!
//! Ids of assignments do not say when they were given, so lists go by that time and by the id after it. An id that is not known is
//! empty.

use sea_orm_migration::{prelude::*, schema};

use crate::table::{On, Tables, id, number, text};

/// The journal's first schema.
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261121_000001_journal"
    }
}

const TABLES: [&str; 3] = ["journal_party", "journal_assignment", "journal_event"];

fn json(name: &str) -> ColumnDef {
    schema::json(Alias::new(name))
}

fn party() -> Vec<ColumnDef> {
    vec![
        text("party", 63),
        // The id of the last batch, so that one whose answer was lost can be looked for.
        id("batch"),
        // How many assignments there are.
        number("assignments"),
    ]
}

fn assignment() -> Vec<ColumnDef> {
    vec![
        text("party", 63),
        id("id"),
        id("run_id"),
        id("task_id"),
        text("state", 16),
        // Whether it is still looked after (0), has files (1), or is nothing but this row (2).
        number("standing"),
        number("given_at"),
        number("cleared_at"),
        // How many events there are.
        number("events"),
        json("body"),
        ColumnDef::new(Alias::new("spec")).json().null().to_owned(),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = Tables::of(manager).await?;
        tables.create("journal_party", party(), &["party"], &[]).await?;
        let lists = [
            On(&["party", "given_at", "id"], false),
            On(&["party", "run_id", "given_at", "id"], false),
            On(&["party", "task_id", "given_at", "id"], false),
            On(&["party", "state", "given_at", "id"], false),
            On(&["party", "standing", "cleared_at", "id"], false),
        ];
        tables
            .create("journal_assignment", assignment(), &["party", "id"], &lists)
            .await?;
        let event = vec![text("party", 63), id("assignment_id"), number("sequence"), json("body")];
        let key = ["party", "assignment_id", "sequence"];
        tables.create("journal_event", event, &key, &[]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in TABLES {
            let drop = Table::drop().table(Alias::new(name)).if_exists().to_owned();
            manager.drop_table(drop).await?;
        }
        Ok(())
    }
}
