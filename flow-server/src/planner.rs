//! The background planner: periodic, and signalled when a party comes or goes.

use std::{sync::Arc, time::Duration};

use flow_domain::{Span, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::{engine::Engine, hub::Hub, store::Store};

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
    let mut everything = true;
    let mut planned = false;
    let mut kept_house_at = Timestamp(0);
    let mut queue_at = Timestamp(0);
    let mut pause = PERIOD;
    loop {
        let now = engine.now();
        // Who takes over from another server looks at everything.
        let plans = engine.plans();
        everything |= plans && !planned;
        planned = plans;
        let by = if everything { Timestamp(i64::MAX) } else { now };
        let outcome = match plans {
            true => plan_due(&store, &engine, by, everything).await,
            false => Ok(()),
        };
        match outcome {
            Ok(()) => pause = PERIOD,
            Err(error) => {
                pause = (pause * 2).min(Duration::from_secs(5));
                tracing::warn!(error = %flow_daemon::error::chain(&error), "cannot plan; trying again");
            }
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
        everything = tokio::select! {
            () = end.cancelled() => return,
            () = hub.presence_changed() => true,
            () = engine.wants_scheduling() => {
                queue_at = now;
                false
            }
            () = tokio::time::sleep(pause) => false,
        };
    }
}

/// Plans each run that is due. One that cannot be planned holds up no other.
async fn plan_due(
    store: &Store,
    engine: &Engine,
    by: Timestamp,
    everything: bool,
) -> Result<(), crate::engine::EngineError> {
    let limit = if everything { u64::from(u32::MAX) } else { BATCH };
    let mut outcome = Ok(());
    for id in store.due_runs(by, limit).await? {
        if let Err(error) = engine.replan(id).await {
            tracing::error!(run = %id, error = %flow_daemon::error::chain(&error), "cannot plan a run");
            outcome = Err(error);
        }
    }
    outcome
}
