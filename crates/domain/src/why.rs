//! Why a run is as it is: the reason chain, folded into one answer with a hint.

use serde::{Deserialize, Serialize};

use crate::{
    assignment::{Assignment, AssignmentState},
    gang::Gang,
    ids::{AssignmentId, PartyId},
    reason::Reason,
    run::{Cause, RunState},
};

/// The state of one member, and what is known of its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Link {
    /// The assignment.
    pub assignment: AssignmentId,
    /// The role.
    pub role: String,
    /// The party.
    pub party: PartyId,
    /// The attempt.
    pub attempt: u32,
    /// The state.
    pub state: AssignmentState,
    /// Why.
    pub reason: Reason,
    /// In words.
    pub message: String,
    /// The exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Its last log lines, where its agent could be asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
}

/// One answer to "why".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Why {
    /// The state of the run.
    pub state: RunState,
    /// The reason that decided it.
    pub reason: Reason,
    /// In words.
    pub message: String,
    /// What to do next; empty where there is nothing to do.
    pub hint: String,
    /// The member that decided it, where one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub culprit: Option<AssignmentId>,
    /// The members, the one that decided it first.
    pub chain: Vec<Link>,
}

/// Folds a gang into one answer. Logs are not in it: who has them adds them.
pub fn why(gang: &Gang) -> Why {
    let run = &gang.run;
    // While the next attempt waits, the last one's cause is what one wants to know; a run that ended in that wait has its own.
    let waits = run.state == RunState::Queued && run.reason == Reason::RetryBackoff;
    let decided = |cause: &&Cause| waits || run.state == RunState::Completing || cause.reason == run.reason;
    let cause = run.cause().filter(decided);
    let culprit = cause.and_then(|cause| cause.assignment);
    let (reason, message) = match cause {
        Some(cause) => (cause.reason, cause.message.clone()),
        None => (run.reason, run.message.clone()),
    };
    let mut chain: Vec<Link> = gang.members().map(link).collect();
    chain.sort_by_key(|link| (Some(link.assignment) != culprit, !link.state.is_failure()));
    Why {
        state: run.state,
        reason,
        message,
        hint: reason.hint().to_owned(),
        culprit,
        chain,
    }
}

fn link(assignment: &Assignment) -> Link {
    Link {
        assignment: assignment.id,
        role: assignment.role.clone(),
        party: assignment.party.clone(),
        attempt: assignment.attempt,
        state: assignment.state,
        reason: assignment.reason,
        message: assignment.message.clone(),
        exit_code: assignment.exit_code,
        log: Vec::new(),
    }
}
