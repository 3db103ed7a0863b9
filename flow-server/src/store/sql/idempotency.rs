//! Idempotency keys: stored in the transaction that creates the resource, so neither is there without the other.

use flow_domain::Timestamp;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction,
    sea_query::{Alias, Expr, ExprTrait, Query},
};

use super::{Claim, Failed, KEPT, Sql, StoreError, Tries, bounded, is_duplicate};

/// Claims the key for `resource`; answers the resource that has it already.
pub(super) async fn claim(
    tx: &DatabaseTransaction,
    claim: Option<&Claim>,
    resource: &str,
    now: i64,
) -> Result<Option<String>, StoreError> {
    let Some(claim) = claim else { return Ok(None) };
    let table = Alias::new("idempotency");
    let mut insert = Query::insert();
    insert
        .into_table(table.clone())
        .columns(["id", "fingerprint", "resource", "created_at"].map(Alias::new))
        .values_panic([
            claim.id.as_str().into(),
            claim.fingerprint.as_str().into(),
            resource.into(),
            now.into(),
        ]);
    // Insert first: of two at once one waits here for the other, and then finds its key.
    match tx.execute(&insert).await {
        Ok(_) => return Ok(None),
        Err(error) if is_duplicate(&error) => {}
        Err(error) => return Err(error.into()),
    }
    let mut select = Query::select();
    select
        .columns(["fingerprint", "resource"].map(Alias::new))
        .from(table)
        .and_where(Expr::col("id").eq(claim.id.as_str()));
    let Some(row) = tx.query_one(&select).await? else {
        return Err(StoreError::Stale);
    };
    let fingerprint: String = row.try_get("", "fingerprint")?;
    if fingerprint != claim.fingerprint {
        return Err(StoreError::KeyReused);
    }
    Ok(Some(row.try_get("", "resource")?))
}

impl Sql {
    /// Forgets keys that are older than a day; answers how many.
    ///
    /// # Errors
    /// If the database does not do it.
    pub(in crate::store) async fn forget_old_keys(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut delete = Query::delete();
        delete
            .from_table(Alias::new("idempotency"))
            .and_where(Expr::col("created_at").lt(now.0 - KEPT.micros()));
        bounded(async {
            let mut tries = Tries::default();
            loop {
                let _turn = self.db.turn().await;
                let failed = match self.db.execute(&delete).await {
                    Ok(done) => return Ok(done.rows_affected()),
                    Err(error) => Failed::of_statement(error, 0),
                };
                // Once more does no harm.
                tries.settle(failed, async || Ok(false)).await?;
            }
        })
        .await
    }
}
