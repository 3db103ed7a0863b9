//! What happened to runs, in order.

use flow_domain::{RunId, gang::Event};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction,
    sea_query::{Alias, Expr, ExprTrait, Order, Query},
};

use super::{Sql, StoreError, StoredEvent, from_json, to_text};

impl Sql {
    /// A run's events after `after`.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(in crate::store) async fn events(
        &self,
        run: RunId,
        after: u64,
        limit: u64,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let mut select = Query::select();
        select
            .columns(["sequence", "body"].map(Alias::new))
            .from(Alias::new("event"))
            .and_where(Expr::col("run_id").eq(run.to_string()))
            .and_where(Expr::col("sequence").gt(i64::try_from(after).unwrap_or(i64::MAX)))
            .order_by(Alias::new("sequence"), Order::Asc)
            .limit(limit);
        let rows = self.db.rows(&select).await?;
        rows.iter()
            .map(|row| {
                let sequence: i64 = row.try_get("", "sequence")?;
                Ok(StoredEvent {
                    sequence: u64::try_from(sequence).unwrap_or_default(),
                    event: from_json("event", row.try_get("", "body")?)?,
                })
            })
            .collect()
    }
}

/// Adds events after the `before` first ones.
pub(super) async fn append(
    tx: &DatabaseTransaction,
    run: RunId,
    before: i64,
    events: &[Event],
) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let mut insert = Query::insert();
    insert
        .into_table(Alias::new("event"))
        .columns(["run_id", "sequence", "body"].map(Alias::new));
    for (event, sequence) in events.iter().zip(before + 1..) {
        insert.values_panic([run.to_string().into(), sequence.into(), to_text("event", event)?.into()]);
    }
    tx.execute(&insert).await?;
    Ok(())
}
