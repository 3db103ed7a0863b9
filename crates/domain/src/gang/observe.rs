//! Takes an agent's report over into the gang.

use super::{Event, Gang, Planned};
use crate::{
    assignment::Report,
    ids::{AssignmentId, PartyId},
    time::Timestamp,
};

/// A report that the server does not take over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// There is no such assignment in this run.
    #[error("assignment {0} is not known; the agent will be told to stop it")]
    Unknown(AssignmentId),
    /// The assignment belongs to another party: the agent reports what is not its own.
    #[error("assignment {assignment} belongs to {owner}, and {reporter} reports it")]
    NotYours {
        /// The assignment.
        assignment: AssignmentId,
        /// Whose it is.
        owner: PartyId,
        /// Who reported.
        reporter: PartyId,
    },
    /// The agent says that it acted on what it cannot have been told yet.
    #[error("assignment {assignment} is at generation {known}, and the agent reports {reported}")]
    Ahead {
        /// The assignment.
        assignment: AssignmentId,
        /// What there is.
        known: u64,
        /// What was reported.
        reported: u64,
    },
}

/// What to store instead of `gang` after `report` from the agent of `reporter`, or nothing if it is no news.
///
/// # Errors
/// If the report is not the reporter's to make.
pub fn observe(gang: &Gang, reporter: &PartyId, report: &Report, now: Timestamp) -> Result<Option<Planned>, Unfit> {
    let at = gang.assignments.iter().position(|a| a.id == report.assignment);
    let at = at.ok_or(Unfit::Unknown(report.assignment))?;
    let owner = &gang.assignments[at].party;
    if owner != reporter {
        return Err(Unfit::NotYours {
            assignment: report.assignment,
            owner: owner.clone(),
            reporter: reporter.clone(),
        });
    }
    let known = gang.assignments[at].generation;
    if report.generation > known {
        return Err(Unfit::Ahead {
            assignment: report.assignment,
            known,
            reported: report.generation,
        });
    }
    let mut gang_after = gang.clone();
    let (before, assignment) = (&gang.assignments[at], &mut gang_after.assignments[at]);
    let mut changed = assignment.observe(report, now);
    let mut events = Vec::new();
    if (assignment.state, &assignment.message) != (before.state, &before.message) {
        events.push(Event {
            at: now,
            assignment: Some(assignment.id),
            state: assignment.state.to_string(),
            reason: assignment.reason,
            message: assignment.message.clone(),
        });
    }
    let advanced = assignment.progress != before.progress;
    // What had ended before tells of the past: that is kept, but it proves nothing of who runs now. Reports coalesce, so the
    // one that tells of the end still brings what came before it.
    if !before.state.is_terminal() {
        let advanced = advanced | observe_members(&mut gang_after, at, report);
        changed |= advanced;
        if advanced {
            gang_after.run.progress_at = now;
        }
    }
    Ok(changed.then_some(Planned {
        gang: gang_after,
        events,
    }))
}

/// The role that is the source of progress speaks for those beside the data in its own attempt, and only of their progress.
fn observe_members(gang: &mut Gang, at: usize, report: &Report) -> bool {
    let (speaker, profile) = (&gang.assignments[at], &gang.run.spec.profile);
    let role = profile.roles.get(&speaker.role);
    if role.is_none_or(|role| role.progress.is_none()) {
        return false;
    }
    let (attempt, data_role) = (speaker.attempt, profile.data_role());
    let mut advanced = false;
    for (party, progress) in &report.members {
        let member = gang
            .assignments
            .iter_mut()
            .enumerate()
            .filter(|(index, a)| *index != at && a.attempt == attempt && a.party == *party)
            .map(|(_, a)| a)
            .filter(|a| Some(a.role.as_str()) == data_role)
            .max_by_key(|a| a.incarnation);
        if let Some(member) = member {
            advanced |= member.progress.merge(progress);
        }
    }
    advanced
}
