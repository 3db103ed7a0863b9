//! What a change makes of a gang.

use flow_domain::{
    Span, Timestamp,
    gang::{self, Gang, Planned},
    party::Parties,
};

use super::EngineError;
use crate::store::Loaded;

/// What becomes of a gang after a change, planned until nothing is left to do; `None` if nothing is to be stored.
pub(super) fn step(
    loaded: &Loaded,
    changed: Option<Planned>,
    parties: &Parties,
    now: Timestamp,
) -> Result<Option<(Planned, Option<Timestamp>)>, EngineError> {
    let (mut gang, mut events) = match changed {
        Some(planned) => (planned.gang, planned.events),
        None => (Gang::clone(&loaded.gang), Vec::new()),
    };
    if let Some(planned) = gang::plan(&gang, parties, now)? {
        gang = planned.gang;
        events.extend(planned.events);
    }
    // Should a wish to wake lie in the past with nothing to do, once a second is often enough to look.
    let wake_at = gang::wake_at(&gang, parties).map(|at| at.max(now.after(Span::secs(1))));
    let same = gang == *loaded.gang && wake_at == loaded.wake_at;
    Ok((!same).then_some((Planned { gang, events }, wake_at)))
}
