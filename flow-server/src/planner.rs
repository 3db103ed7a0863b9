//! The background planner: periodic, and signalled when a party comes or goes.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use flow_domain::{PartyId, RunId, Span, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::{
    engine::{Engine, EngineError},
    hub::Hub,
    store::Store,
};

/// How often deadlines are looked at.
const PERIOD: Duration = Duration::from_millis(250);

/// How many runs one look plans.
const BATCH: u64 = 256;

/// How often the queue is gone through though nothing asks for it: runs lose their patience.
const QUEUE: Span = Span::secs(5);

/// How often old idempotency keys are forgotten.
const HOUSEKEEPING: Span = Span::hours(1);

/// Plans what is due until it is cancelled, while this server is the one that does. A database that is away is asked again, less and
/// less often.
pub(crate) async fn run(store: Store, hub: Arc<Hub>, engine: Arc<Engine>, end: CancellationToken) {
    let mut planned = false;
    let mut kept_house_at = Timestamp(0);
    let mut queue_at = Timestamp(0);
    let mut plan_at = 0;
    let mut pause = PERIOD;
    let mut came_or_went = BTreeSet::new();
    loop {
        let now = engine.now();
        // Who begins, or takes over from another server, looks at everything that is under way.
        let plans = engine.plans();
        let everything = plans && !planned;
        planned = plans;
        // Whoever wants the queue to be gone through, only wants that.
        let is_due = everything || !came_or_went.is_empty() || now.0 >= plan_at;
        let outcome = match plans && is_due {
            true => plan(&store, &engine, now, everything, &came_or_went).await,
            false => Ok(()),
        };
        match outcome {
            Ok(()) => {
                pause = PERIOD;
                came_or_went.clear();
            }
            Err(error) => {
                if error.is_away() {
                    hub.blind(engine.now());
                }
                planned = planned && !everything;
                pause = (pause * 2).min(Duration::from_secs(5));
                tracing::warn!(error = %flow_daemon::error::chain(&error), "cannot plan; trying again");
            }
        }
        if is_due {
            plan_at = now
                .0
                .saturating_add(i64::try_from(pause.as_micros()).unwrap_or(i64::MAX));
        }
        if everything || now >= queue_at {
            queue_at = now.after(QUEUE);
            if let Err(error) = engine.schedule().await {
                tracing::warn!(error = %flow_daemon::error::chain(&error), "cannot go through the queue; trying again");
            }
        }
        if plans && now.since(kept_house_at) >= HOUSEKEEPING {
            kept_house_at = now;
            if let Err(error) = store.forget_old_keys(now).await {
                tracing::warn!(error = %flow_daemon::error::chain(&error), "cannot forget old idempotency keys");
            }
        }
        tokio::select! {
            () = end.cancelled() => return,
            parties = hub.came_or_went() => {
                came_or_went.extend(parties);
                queue_at = now;
            }
            () = engine.wants_scheduling() => queue_at = now,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Plans each run that is due, and then each that has a part at a party whose agent came or went, or that is under way at all. One that
/// cannot be planned holds up no other.
async fn plan(
    store: &Store,
    engine: &Engine,
    now: Timestamp,
    everything: bool,
    parties: &BTreeSet<PartyId>,
) -> Result<(), EngineError> {
    // Deadlines wait for nobody: after a restart all the others are a long way.
    let due = store.due_runs(now, BATCH).await?;
    let planned = each(engine, due.iter().copied()).await;
    let others = if everything {
        store.taking_runs().await?
    } else if parties.is_empty() {
        Vec::new()
    } else {
        let parties: Vec<PartyId> = parties.iter().cloned().collect();
        store.live_runs_at(&parties).await?
    };
    let others: BTreeSet<RunId> = others.into_iter().filter(|run| !due.contains(run)).collect();
    planned.and(each(engine, others).await)
}

async fn each(engine: &Engine, runs: impl IntoIterator<Item = RunId>) -> Result<(), EngineError> {
    let mut outcome = Ok(());
    for id in runs {
        if let Err(error) = engine.replan(id).await {
            tracing::error!(run = %id, error = %flow_daemon::error::chain(&error), "cannot plan a run");
            outcome = Err(error);
        }
    }
    outcome
}
