//! Pages by number, as Iflearner Flow's clients ask for them: who takes part in which task, and the ids under which things were known
//! before they were imported.

use sea_orm_migration::{prelude::*, sea_orm::QueryResult};

use crate::table::{On, Tables, id, text};

/// Participants and former ids.
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261121_000003_pages"
    }
}

const TABLES: [&str; 2] = ["participant", "alias"];

/// How many tasks are read at a time.
const PAGE: u64 = 500;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = Tables::of(manager).await?;
        let participant = vec![text("party", 63), id("task_id")];
        let of_task = On(&["task_id"], false);
        tables
            .create("participant", participant, &["party", "task_id"], &[of_task])
            .await?;
        let alias = vec![text("kind", 16), text("alias", 64), id("target")];
        tables.create("alias", alias, &["kind", "alias"], &[]).await?;
        take_over(manager.get_connection()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in TABLES {
            let drop = Table::drop().table(Alias::new(name)).if_exists().to_owned();
            manager.drop_table(drop).await?;
        }
        Ok(())
    }
}

/// Fills the tables from what is there. Done twice it comes to the same.
async fn take_over(db: &SchemaManagerConnection<'_>) -> Result<(), DbErr> {
    let mut last = String::new();
    loop {
        let mut select = Query::select();
        select
            .columns(["id", "spec"].map(Alias::new))
            .from(Alias::new("task"))
            .and_where(Expr::col("id").gt(last.as_str()))
            .order_by(Alias::new("id"), Order::Asc)
            .limit(PAGE);
        let rows = db.query_all(&select).await?;
        let Some(end) = rows.last() else { break };
        last = end.try_get("", "id")?;
        for row in &rows {
            participants(db, row).await?;
        }
    }
    Ok(())
}

async fn participants(db: &SchemaManagerConnection<'_>, row: &QueryResult) -> Result<(), DbErr> {
    let task: String = row.try_get("", "id")?;
    let spec: serde_json::Value = row.try_get("", "spec")?;
    let named = spec["participants"].as_array().into_iter().flatten();
    for party in named.filter_map(|participant| participant["party"].as_str()) {
        let mut insert = Query::insert();
        insert
            .into_table(Alias::new("participant"))
            .columns(["party", "task_id"].map(Alias::new))
            .values_panic([party.into(), task.as_str().into()])
            .on_conflict(
                OnConflict::columns(["party", "task_id"].map(Alias::new))
                    .update_column(Alias::new("party"))
                    .to_owned(),
            );
        db.execute(&insert).await?;
    }
    Ok(())
}
