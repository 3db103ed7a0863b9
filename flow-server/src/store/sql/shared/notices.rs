//! What servers tell each other.

use sea_orm::{
    ConnectionTrait, DatabaseTransaction,
    sea_query::{Alias, Expr, ExprTrait, Order, Query},
};

use super::{
    super::{Sql, StoreError, bounded},
    as_stored, term,
};
use crate::store::shared::{Notice, Noticed};

/// The most notices that are read at a time.
const NOTICES: u64 = 1000;

impl Sql {
    /// Writes a notice, if there may be others to read it.
    pub(in crate::store::sql) async fn note(
        &self,
        tx: &DatabaseTransaction,
        notice: &Notice,
    ) -> Result<(), StoreError> {
        let Some(me) = self.me else { return Ok(()) };
        let body = serde_json::to_string(notice).map_err(|source| StoreError::Unreadable { what: "notice", source })?;
        let mut insert = Query::insert();
        insert
            .into_table(Alias::new("notice"))
            .columns(["server_id", "body"].map(Alias::new))
            .values_panic([me.to_string().into(), body.into()]);
        tx.execute(&insert).await?;
        Ok(())
    }

    /// Notices after that number, and those of these numbers that are there by now, in their order.
    pub(in crate::store) async fn notices(&self, after: u64, missing: &[u64]) -> Result<Vec<Noticed>, StoreError> {
        let mut select = Query::select();
        let mut wanted = Expr::col("id").gt(as_stored(after));
        if !missing.is_empty() {
            wanted = wanted.or(Expr::col("id").is_in(missing.iter().map(|id| as_stored(*id))));
        }
        select
            .columns(["id", "server_id", "body"].map(Alias::new))
            .from(Alias::new("notice"))
            .and_where(wanted)
            .order_by(Alias::new("id"), Order::Asc)
            .limit(NOTICES);
        let mut found = Vec::new();
        for row in self.db.rows(&select).await? {
            let (id, server): (i64, String) = (row.try_get("", "id")?, row.try_get("", "server_id")?);
            let body: String = row.try_get("", "body")?;
            let Ok(by) = server.parse() else { continue };
            found.push(Noticed {
                number: u64::try_from(id).unwrap_or_default(),
                by,
                notice: serde_json::from_str(&body).ok(),
            });
        }
        Ok(found)
    }

    /// The greatest number of a notice.
    pub(in crate::store) async fn newest_notice(&self) -> Result<u64, StoreError> {
        let mut select = Query::select();
        select
            .expr_as(Expr::col("id").max(), Alias::new("newest"))
            .from(Alias::new("notice"));
        let newest: Option<i64> = match self.db.row(&select).await? {
            Some(row) => row.try_get("", "newest")?,
            None => None,
        };
        Ok(newest.and_then(|newest| u64::try_from(newest).ok()).unwrap_or_default())
    }

    /// Forgets notices up to that number, and servers that are long gone.
    pub(in crate::store) async fn forget_notices(&self, up_to: u64) -> Result<(), StoreError> {
        let mut old = Query::delete();
        old.from_table(Alias::new("notice"))
            .and_where(Expr::col("id").lte(as_stored(up_to)));
        let mut gone = Query::delete();
        gone.from_table(Alias::new("server"))
            .and_where(Expr::col("seen_at").lt(self.now().sub(term() * 100)));
        bounded(async {
            let _turn = self.db.turn().await;
            self.db.execute(&old).await?;
            self.db.execute(&gone).await?;
            Ok(())
        })
        .await
    }
}
