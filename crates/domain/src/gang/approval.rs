//! Takes over what a person decides about a run that waits for approval.

use super::{
    Gang, Planned,
    plan::{PlanError, Work},
};
use crate::{
    approval::{Approval, Judgement},
    ids::RunId,
    party::Parties,
    reason::Reason,
    run::RunState,
    time::Timestamp,
};

/// Why a run cannot be approved or rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecidable {
    /// It does not ask for approval.
    #[error("run {0} asks for no approval: it is in the queue, or was, without it")]
    NotAsked(RunId),
    /// It was approved, and is not rejected any more.
    #[error("run {0} was approved already: cancel it instead")]
    Approved(RunId),
    /// It was rejected, and is not approved any more.
    #[error("run {0} was rejected already: start its task again")]
    Rejected(RunId),
    /// It ended before anything was decided.
    #[error("run {id} is {state}: there is nothing to decide about it any more")]
    Over {
        /// The run.
        id: RunId,
        /// Its state.
        state: RunState,
    },
    /// The state machine does not allow it: a fault of the platform.
    #[error(transparent)]
    Illegal(#[from] PlanError),
}

/// What to store instead of `gang` once somebody approves it (`granted`) or rejects it. Nothing if that was decided before: who asks
/// twice is not refused.
///
/// # Errors
/// If it does not ask for approval, the opposite was decided, or it is over.
pub fn judge(
    gang: &Gang,
    granted: bool,
    judgement: &Judgement,
    now: Timestamp,
) -> Result<Option<Planned>, Undecidable> {
    let run = &gang.run;
    match &run.approval {
        Some(before) if before.granted == granted => return Ok(None),
        Some(before) if before.granted => return Err(Undecidable::Approved(run.id)),
        Some(_) => return Err(Undecidable::Rejected(run.id)),
        None if !run.spec.policies.approval => return Err(Undecidable::NotAsked(run.id)),
        None => {}
    }
    if run.state != RunState::AwaitingApproval {
        return Err(Undecidable::Over {
            id: run.id,
            state: run.state,
        });
    }
    let approval = Approval {
        granted,
        by: judgement.by.clone(),
        comment: judgement.comment.clone(),
        at: now,
    };
    let (to, reason) = match granted {
        true => (RunState::Queued, Reason::Approved),
        false => (RunState::Rejected, Reason::ApprovalDenied),
    };
    // Who is there is of no interest for this.
    let parties = Parties::default();
    let mut work = Work::new(gang, &parties, now);
    work.run_becomes(to, reason, approval.in_words())?;
    work.gang.run.approval = Some(approval);
    Ok(work.planned(gang))
}

impl Work<'_> {
    /// A run that waits for approval is cancelled, or waited for too long; true if so.
    pub(super) fn awaiting_approval(&mut self) -> Result<bool, PlanError> {
        if self.gang.run.cancel_requested {
            let message = "cancelled while it waited for approval";
            self.run_becomes(RunState::Cancelled, Reason::CancelledByUser, message)?;
            return Ok(true);
        }
        if self.expired() {
            let waited = self.now.since(self.gang.run.state_since);
            let message = format!("nobody approved it within {waited}");
            self.run_becomes(RunState::TimedOut, Reason::ApproveDeadlineExceeded, message)?;
            return Ok(true);
        }
        Ok(false)
    }
}
