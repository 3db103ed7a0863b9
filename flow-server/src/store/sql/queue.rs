//! What the queue decides on: who waits, and what is taken by those who do not.

use std::sync::Arc;

use flow_domain::RunId;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};

use super::{Queue, Sql, StoreError, TAKES, WAITS, standing::Standing};

/// How many runs are named in one statement.
const RUNS: usize = 200;

impl Sql {
    /// Everything that waits or is taken now.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(in crate::store) async fn queue(&self) -> Result<Queue, StoreError> {
        let mut select = Query::select();
        select
            .columns(["id", "version"].map(Alias::new))
            .from(Alias::new("run"))
            .and_where(Expr::col("queue").is_in([WAITS, TAKES]));
        let mut versions = Vec::new();
        for row in self.db.rows(&select).await? {
            let id: String = row.try_get_by_index(0)?;
            // Only valid ids were ever written.
            let Ok(run) = id.parse::<RunId>() else { continue };
            versions.push((run, row.try_get_by_index(1)?));
        }
        let (mut found, missing) = self.standings.of(&versions);
        for part in missing.chunks(RUNS) {
            found.extend(self.stand(part).await?);
        }
        let mut queue = Queue::default();
        for (run, standing) in found {
            standing.enter(run, &mut queue);
        }
        Ok(queue)
    }

    /// How these runs stand, those that count.
    async fn stand(&self, runs: &[RunId]) -> Result<Vec<(RunId, Arc<Standing>)>, StoreError> {
        let mut select = Query::select();
        select
            .columns(Standing::COLUMNS.map(Alias::new))
            .from(Alias::new("run"))
            .and_where(Expr::col("id").is_in(runs.iter().map(RunId::to_string)))
            .and_where(Expr::col("queue").is_in([WAITS, TAKES]));
        let mut found = Vec::with_capacity(runs.len());
        for row in self.db.rows(&select).await? {
            let id: String = row.try_get("", "id")?;
            // Only valid ids were ever written.
            let Ok(run) = id.parse::<RunId>() else { continue };
            let standing = Arc::new(Standing::read(&row)?);
            self.standings.keep(run, standing.clone());
            found.push((run, standing));
        }
        Ok(found)
    }
}
