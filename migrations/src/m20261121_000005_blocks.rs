//! Blocks of lists: how many documents there are between which ids, so that the way to a page by its number leads through a block and not
//! through the list. They say how many there are in all as well, which was kept in a table of its own before.

use sea_orm_migration::prelude::*;

use crate::table::{Tables, number, text};

/// Blocks of lists, in place of their totals.
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261121_000005_blocks"
    }
}

/// How many documents a block has that is made here. The server cuts what becomes more than twice as long.
const HELD: u32 = 500;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = Tables::of(manager).await?;
        // From the id `since` up to `below`, which is the next one's `since`; those of the newest end with a text after all ids.
        let block = vec![text("list", 80), text("below", 32), text("since", 32), number("held")];
        tables.create("block", block, &["list", "below"], &[]).await?;
        fill(manager.get_connection()).await?;
        let totals = Table::drop().table(Alias::new("tally")).if_exists().to_owned();
        manager.drop_table(totals).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let drop = Table::drop().table(Alias::new("block")).if_exists().to_owned();
        manager.drop_table(drop).await
    }
}

/// Makes blocks of what is there, all or none. Servers that start at once may both be here: who comes second finds blocks, or that a
/// block is there twice, which is to look again.
async fn fill(db: &SchemaManagerConnection<'_>) -> Result<(), DbErr> {
    let mut any = Query::select();
    any.column(Alias::new("list")).from(Alias::new("block")).limit(1);
    if db.query_one(&any).await?.is_some() {
        return Ok(());
    }
    let lists = [
        blocks("'template'", "id", "template"),
        blocks("'task'", "id", "task"),
        blocks("CONCAT('task/', party)", "task_id", "participant"),
    ];
    let insert = format!(
        "INSERT INTO block (list, below, since, held) {}",
        lists.join(" UNION ALL ")
    );
    db.execute_unprepared(&insert).await.map(drop)
}

/// The blocks of the lists that a table has, by a list's name and the column with the ids.
fn blocks(list: &str, id: &str, table: &str) -> String {
    let numbered = format!(
        "SELECT {list} AS list, {id} AS id, ROW_NUMBER() OVER (PARTITION BY {list} ORDER BY {id}) - 1 AS place FROM {table}"
    );
    let grouped = format!(
        "SELECT list, MIN(id) AS first, COUNT(*) AS held FROM ({numbered}) AS numbered GROUP BY list, place - place % {HELD}"
    );
    let beside = "OVER (PARTITION BY list ORDER BY first)";
    format!(
        "SELECT list, COALESCE(LEAD(first) {beside}, '~'), CASE WHEN LAG(first) {beside} IS NULL THEN '' ELSE first END, held \
         FROM ({grouped}) AS grouped"
    )
}
