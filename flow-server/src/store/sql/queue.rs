//! What the queue decides on: who waits, and what is taken by those who do not.

use flow_domain::{
    RunId, Timestamp,
    queue::{Needs, Waiting},
};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};

use super::{Queue, Sql, StoreError, TAKES, WAITS, from_json};

impl Sql {
    /// Everything that waits or is taken now.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(in crate::store) async fn queue(&self) -> Result<Queue, StoreError> {
        let mut select = Query::select();
        select
            .columns(["id", "queue", "said", "needs", "priority", "arrived_at"].map(Alias::new))
            .from(Alias::new("run"))
            .and_where(Expr::col("queue").is_in([WAITS, TAKES]));
        let mut queue = Queue::default();
        for row in self.db.rows(&select).await? {
            let needs: Needs = from_json("needs", row.try_get("", "needs")?)?;
            if row.try_get::<i64>("", "queue")? == TAKES {
                for (party, demand) in needs.fixed {
                    let taken = queue.taken.entry(party).or_default();
                    *taken = taken.plus(demand);
                }
                continue;
            }
            let id: String = row.try_get("", "id")?;
            // Only valid ids were ever written.
            let Ok(run) = id.parse::<RunId>() else { continue };
            let priority: i64 = row.try_get("", "priority")?;
            queue.said.insert(run, row.try_get("", "said")?);
            queue.waiting.push(Waiting {
                run,
                priority: i32::try_from(priority).unwrap_or_default(),
                since: Timestamp(row.try_get("", "arrived_at")?),
                needs,
            });
        }
        Ok(queue)
    }
}
