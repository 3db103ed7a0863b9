//! What the queue decides on: who waits, and what is taken by those who do not.

use std::collections::{BTreeMap, HashMap};

use flow_domain::{
    PartyId, Reason, Run, RunId, Timestamp,
    queue::{Demand, Needs, Taken, Waiting},
};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};

use super::{Store, StoreError, from_json};

/// All that waits, and all that is taken.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    /// Runs that wait to begin.
    pub waiting: Vec<Waiting>,
    /// What live attempts have taken, by party.
    pub taken: Taken,
    /// What each run that waits was told last, as [`said`] writes it.
    pub said: HashMap<RunId, String>,
}

/// What a run is told that it waits for, as one text.
pub(crate) fn said(reason: Reason, message: &str) -> String {
    format!("{reason}: {message}")
}

/// The same of a run as it is stored; empty if it does not wait.
pub(super) fn said_to(run: &Run) -> String {
    match run.is_waiting() {
        true => said(run.reason, &run.message),
        false => String::new(),
    }
}

/// The number of a run in the column `queue`. What a run takes is taken as long as its state says so: there is no reservation beside
/// it that could be forgotten.
pub(super) fn standing(run: &Run) -> i64 {
    match (run.is_waiting(), run.is_taking()) {
        (true, _) => WAITS,
        (_, true) => TAKES,
        _ => 0,
    }
}

const WAITS: i64 = 1;
const TAKES: i64 = 2;

impl Store {
    /// Everything that waits or is taken now.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn queue(&self) -> Result<Queue, StoreError> {
        let mut select = Query::select();
        select
            .columns(["id", "queue", "said", "demands", "priority", "created_at"].map(Alias::new))
            .from(Alias::new("run"))
            .and_where(Expr::col("queue").is_in([WAITS, TAKES]));
        let mut queue = Queue::default();
        for row in self.rows(&select).await? {
            let demands: BTreeMap<PartyId, Demand> = from_json("demands", row.try_get("", "demands")?)?;
            if row.try_get::<i64>("", "queue")? == TAKES {
                for (party, demand) in demands {
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
                since: Timestamp(row.try_get("", "created_at")?),
                needs: Needs {
                    fixed: demands,
                    choice: None,
                },
            });
        }
        Ok(queue)
    }
}
