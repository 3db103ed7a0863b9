//! Carries out what the queue decides about a run that waits.

use super::{
    Gang, Planned,
    plan::{PlanError, Work},
};
use crate::{ids::PartyId, party::Parties, reason::Reason, time::Timestamp};

/// How many of the parties that were chosen are named.
const MOST_NAMED: usize = 16;

/// What to store instead of `gang` once the queue lets it begin: its next attempt, with the parties that were chosen for it. Nothing if
/// it does not wait any more, or these are too few.
///
/// # Errors
/// Only if the planner itself is wrong; the gang stays as it was then.
pub fn admit(gang: &Gang, chosen: &[PartyId], parties: &Parties, now: Timestamp) -> Result<Option<Planned>, PlanError> {
    if !gang.run.is_waiting() {
        return Ok(None);
    }
    let mut work = Work::new(gang, parties, now);
    let was_open = gang.run.spec.is_open();
    if !work.gang.run.spec.settle(chosen) {
        return Ok(None);
    }
    if was_open {
        let parties: Vec<&str> = chosen.iter().map(PartyId::as_str).collect();
        let (few, more) = parties.split_at(parties.len().min(MOST_NAMED));
        let more = if more.is_empty() {
            String::new()
        } else {
            format!(" and {} more", more.len())
        };
        work.run_says(Reason::PartiesChosen, format!("chosen: {}{more}", few.join(", ")));
    }
    work.begin_attempt()?;
    work.come_to_rest()?;
    Ok(work.planned(gang))
}

/// What to store instead of `gang` for the queue's word of what it waits for. Nothing if that is no news, or it does not wait any more.
pub fn wait(gang: &Gang, parties: &Parties, reason: Reason, message: &str, now: Timestamp) -> Option<Planned> {
    let mut work = Work::new(gang, parties, now);
    let news = gang.run.is_waiting() && work.run_says(reason, message.to_owned());
    news.then(|| work.planned(gang)).flatten()
}
