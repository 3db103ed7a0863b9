//! Several servers on one database: who they are, who does what, who is attached where, and what they tell each other.

use sea_orm_migration::prelude::*;

use crate::table::{Tables, count, id, number, text};

/// Servers, leases, presence and notices.
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261121_000002_servers"
    }
}

const TABLES: [&str; 4] = ["server", "lease", "presence", "notice"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = Tables::of(manager).await?;
        // All times here are the database's own.
        let server = vec![id("id"), text("address", 255), number("seen_at")];
        tables.create("server", server, &["id"], &[]).await?;
        let lease = vec![text("name", 32), id("holder"), number("epoch"), number("until")];
        tables.create("lease", lease, &["name"], &[]).await?;
        let presence = vec![
            text("party", 63),
            id("server_id"),
            number("session"),
            text("liveness", 16),
            number("since"),
        ];
        tables.create("presence", presence, &["party"], &[]).await?;
        let notice = vec![
            count(manager, "id"),
            id("server_id"),
            ColumnDef::new(Alias::new("body")).text().not_null().to_owned(),
        ];
        tables.create("notice", notice, &["id"], &[]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in TABLES {
            let drop = Table::drop().table(Alias::new(name)).if_exists().to_owned();
            manager.drop_table(drop).await?;
        }
        Ok(())
    }
}
