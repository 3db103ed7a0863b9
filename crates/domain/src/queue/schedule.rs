//! One pass over the queue.

use super::{
    Supply, Taken, Waiting,
    ledger::{Lack, Ledger},
};
use crate::{
    ids::{PartyId, RunId},
    reason::Reason,
    time::{Span, Timestamp},
};

/// How many of the things that a run waits for are said.
pub(super) const MOST_SAID: usize = 8;

/// What is decided about a run that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The run.
    pub run: RunId,
    /// Its place in the queue, from 1.
    pub place: usize,
    /// What becomes of it.
    pub decision: Decision,
}

/// What becomes of a run that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It begins.
    Admit(Admission),
    /// It waits.
    Wait {
        /// Why.
        reason: Reason,
        /// For what, in words.
        message: String,
    },
}

/// How a run begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Admission {
    /// What it takes.
    pub takes: Taken,
    /// The parties that were chosen for it, where there was a choice.
    pub chosen: Vec<PartyId>,
}

/// Decides about every run that waits: by priority, then by arrival. A later run may go first where it takes nothing that an earlier
/// one could use now. Once a run has waited for `patience` for room alone, what it needs is kept for it: nobody starves.
pub fn schedule(queue: &[Waiting], taken: &Taken, supply: &Supply, now: Timestamp, patience: Span) -> Vec<Verdict> {
    let mut order: Vec<&Waiting> = queue.iter().collect();
    order.sort_by_key(|waiting| (std::cmp::Reverse(waiting.priority), waiting.since, waiting.run));
    let mut free = Ledger::new(supply, taken);
    // As `free`, with what is kept for those who have waited for long.
    let mut left = free.clone();
    let mut kept_for = None;
    let mut verdicts = Vec::with_capacity(order.len());
    for (index, waiting) in order.into_iter().enumerate() {
        let decision = match (left.fit(&waiting.needs), free.fit(&waiting.needs)) {
            (Ok(admission), _) => {
                for (party, demand) in &admission.takes {
                    free.take(party, *demand);
                    left.take(party, *demand);
                }
                Decision::Admit(admission)
            }
            (Err(_), Err(lack)) => {
                // Room is kept for nobody whose parties are away: it would be of use to no one.
                if lack.absent.is_empty() && now.since(waiting.since) >= patience {
                    kept_for.get_or_insert(waiting.run);
                    for (party, demand) in left.wish(&waiting.needs) {
                        left.take(&party, demand);
                    }
                }
                wait(&lack)
            }
            (Err(_), Ok(_)) => {
                let first = kept_for.map(|run| format!(", such as {run}")).unwrap_or_default();
                Decision::Wait {
                    reason: Reason::WaitingForOthers,
                    message: format!("what it needs is kept for runs that have waited for longer{first}"),
                }
            }
        };
        verdicts.push(Verdict {
            run: waiting.run,
            place: index + 1,
            decision,
        });
    }
    verdicts
}

fn wait(lack: &Lack) -> Decision {
    let reason = match lack.absent.is_empty() {
        true => Reason::WaitingForCapacity,
        false => Reason::WaitingForParty,
    };
    let said = lack.absent.iter().chain(&lack.short).chain(&lack.unfit);
    let said: Vec<&str> = said.map(String::as_str).collect();
    let mut message = said.iter().take(MOST_SAID).copied().collect::<Vec<_>>().join("; ");
    if said.len() > MOST_SAID {
        message = format!("{message}; and {} more", said.len() - MOST_SAID);
    }
    Decision::Wait { reason, message }
}
