//! The ids under which things were known before they were imported.

use sea_orm::{
    ConnectionTrait,
    sea_query::{Alias, Expr, ExprTrait, OnConflict, Query},
};

use super::{Failed, Sql, StoreError, Tries, bounded};

impl Sql {
    /// What a former id stands for.
    pub(in crate::store) async fn alias(&self, kind: &str, alias: &str) -> Result<Option<String>, StoreError> {
        let mut select = Query::select();
        select
            .column(Alias::new("target"))
            .from(Alias::new("alias"))
            .and_where(Expr::col("kind").eq(kind))
            .and_where(Expr::col("alias").eq(alias));
        let row = self.db.row(&select).await?;
        Ok(row.map(|row| row.try_get("", "target")).transpose()?)
    }

    /// Notes a former id.
    pub(in crate::store) async fn note_alias(&self, kind: &str, alias: &str, target: &str) -> Result<(), StoreError> {
        let mut insert = Query::insert();
        insert
            .into_table(Alias::new("alias"))
            .columns(["kind", "alias", "target"].map(Alias::new))
            .values_panic([kind.into(), alias.into(), target.into()])
            .on_conflict(
                OnConflict::columns(["kind", "alias"].map(Alias::new))
                    .update_column(Alias::new("target"))
                    .to_owned(),
            );
        bounded(async {
            let mut tries = Tries::default();
            loop {
                let _turn = self.db.turn().await;
                let failed: Failed<()> = match self.db.execute(&insert).await {
                    Ok(_) => return Ok(()),
                    Err(error) => Failed::of_statement(error, ()),
                };
                // Once more does no harm.
                tries.settle(failed, async || Ok(false)).await?;
            }
        })
        .await
    }
}
