//! Runs: one execution of a task's revision, and the states it goes through.

mod state;

use serde::{Deserialize, Serialize};

pub use self::state::{IllegalStep, RunState};
use crate::{
    approval::Approval,
    ids::{AssignmentId, PartyId, RunId, TaskId},
    phase::{Phase, Start},
    reason::Reason,
    spec::RunSpec,
    template::HyperParameters,
    time::Timestamp,
};

/// What a decided attempt ends in, once everything of it has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The run succeeds.
    Succeeded,
    /// The run fails.
    Failed,
    /// The run is cancelled.
    Cancelled,
    /// The run times out.
    TimedOut,
    /// The run is rejected.
    Rejected,
    /// The run is queued for its next attempt.
    Retry,
}

impl Outcome {
    /// The state it leads to.
    pub fn state(self) -> RunState {
        match self {
            Self::Succeeded => RunState::Succeeded,
            Self::Failed => RunState::Failed,
            Self::Cancelled => RunState::Cancelled,
            Self::TimedOut => RunState::TimedOut,
            Self::Rejected => RunState::Rejected,
            Self::Retry => RunState::Queued,
        }
    }
}

/// What decided an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Cause {
    /// Why.
    pub reason: Reason,
    /// In words.
    pub message: String,
    /// The member that it was, where it was one.
    pub assignment: Option<AssignmentId>,
    /// The member's party.
    pub party: Option<PartyId>,
}

/// One (re)start of the gang.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// When all of it had stopped.
    pub ended_at: Option<Timestamp>,
    /// What decided it.
    pub cause: Option<Cause>,
    /// Whether it was given back before anything of it was started, as a party had too little: it counts as no failure.
    #[serde(default, skip_serializing_if = "is_false")]
    pub given_back: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// What may be said at a start, over what the task says.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StartOptions {
    /// Hyper-parameters over those of the task.
    #[serde(default)]
    pub hyperparameters: HyperParameters,
    /// More switches.
    #[serde(default)]
    pub switches: Vec<String>,
}

/// One execution of a task's revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The task.
    pub task: TaskId,
    /// The task's name when it was started.
    pub task_name: String,
    /// The task's revision.
    pub task_revision: u32,
    /// What it was started with. It is long, changes once at most, and is stored beside the rest.
    #[serde(skip_serializing)]
    pub spec: RunSpec,
    /// Where it stands.
    pub state: RunState,
    /// Why.
    pub reason: Reason,
    /// In words.
    pub message: String,
    /// What the decided attempt ends in; only while Completing.
    pub outcome: Option<Outcome>,
    /// All attempts so far, the current one last.
    pub attempts: Vec<Attempt>,
    /// How often a single member was started anew, over all attempts.
    pub member_restarts: u32,
    /// Whether a user asked to cancel it.
    pub cancel_requested: bool,
    /// What was decided about it, where it asked for approval.
    #[serde(default)]
    pub approval: Option<Approval>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// Since when it is in its state.
    pub state_since: Timestamp,
    /// When its state expires; every state that is not final has one.
    pub deadline: Option<Timestamp>,
    /// Since when the time of its queue deadline counts: what is given back does not begin it anew.
    #[serde(default)]
    pub queued_since: Timestamp,
    /// Where its start stands, or stood last.
    #[serde(default)]
    pub start: Start,
    /// Before this the next attempt does not begin.
    pub not_before: Option<Timestamp>,
    /// When a member last made progress.
    pub progress_at: Timestamp,
    /// When it became final.
    pub ended_at: Option<Timestamp>,
}

impl Run {
    /// A run that was just accepted.
    pub fn submitted(id: RunId, task: &crate::task::Task, spec: RunSpec, now: Timestamp) -> Self {
        let limits = &spec.policies.deadlines;
        let (state, reason, limit) = match spec.policies.approval {
            true => (RunState::AwaitingApproval, Reason::WaitingForApproval, limits.approve()),
            false => (RunState::Queued, Reason::Submitted, limits.queue()),
        };
        Self {
            id,
            task: task.id,
            task_name: task.spec.name.to_string(),
            task_revision: task.revision,
            state,
            reason,
            message: "accepted".to_owned(),
            outcome: None,
            attempts: Vec::new(),
            member_restarts: 0,
            cancel_requested: false,
            approval: None,
            created_at: now,
            state_since: now,
            deadline: Some(now.after(limit)),
            queued_since: now,
            start: Start::default(),
            not_before: None,
            progress_at: now,
            ended_at: None,
            spec,
        }
    }

    /// The number of the current attempt; 0 before the first.
    pub fn attempt(&self) -> u32 {
        self.attempts.last().map_or(0, |attempt| attempt.number)
    }

    /// Whether it waits for the queue to let it begin: not for its back-off, nor for its end.
    pub fn is_waiting(&self) -> bool {
        self.state == RunState::Queued && self.not_before.is_none() && !self.cancel_requested
    }

    /// Whether it takes what its parties offer: from the beginning of an attempt until all of that has ended.
    pub fn is_taking(&self) -> bool {
        use RunState::{Completing, Preparing, Running, Starting};
        matches!(self.state, Preparing | Starting | Running | Completing)
    }

    /// When it came into the queue: who has to be approved comes then.
    pub fn arrived_at(&self) -> Timestamp {
        self.approval.as_ref().map_or(self.created_at, |approval| approval.at)
    }

    /// Whether a retry is left: of the gang or of a member, both count, and what was given back does not.
    pub fn has_retry(&self) -> bool {
        self.attempt() + self.member_restarts < self.most_attempts()
    }

    /// How many attempts there may be, with those that were given back.
    pub fn most_attempts(&self) -> u32 {
        let given_back = self.attempts.iter().filter(|attempt| attempt.given_back).count();
        let given_back = u32::try_from(given_back).unwrap_or(u32::MAX);
        given_back.saturating_add(self.spec.policies.max_retries + 1)
    }

    /// When the time is over that it may wait in the queue, with what it spent on attempts that were given back.
    pub fn queued_until(&self) -> Timestamp {
        self.queued_since.after(self.spec.policies.deadlines.queue())
    }

    /// What decided the current attempt.
    pub fn cause(&self) -> Option<&Cause> {
        self.attempts.last().and_then(|attempt| attempt.cause.as_ref())
    }

    /// Moves to a state, and sets the deadline that goes with it.
    ///
    /// # Errors
    /// If the state machine does not allow it; nothing is changed then.
    pub fn step(
        &mut self,
        to: RunState,
        reason: Reason,
        message: impl Into<String>,
        now: Timestamp,
    ) -> Result<(), IllegalStep> {
        if !self.state.may_become(to) {
            return Err(IllegalStep {
                id: self.id,
                from: self.state,
                to,
            });
        }
        self.state = to;
        self.reason = reason;
        self.message = message.into();
        self.state_since = now;
        let limits = &self.spec.policies.deadlines;
        self.deadline = match to {
            RunState::Queued => {
                if !self.attempts.last().is_some_and(|attempt| attempt.given_back) {
                    // The back-off is not the queue's time.
                    self.queued_since = self.not_before.unwrap_or(now);
                }
                Some(self.queued_until())
            }
            RunState::Preparing => Some(now.after(limits.prepare())),
            RunState::Starting => {
                self.start = Start::begin(now);
                Some(self.start.deadline(limits))
            }
            RunState::Running => Some(now.after(limits.run())),
            // Whatever the policy says, the frameworks' grace fits into it.
            RunState::Completing => Some(now.after(limits.stop()).after(self.spec.profile.grace)),
            _ => None,
        };
        if to.is_terminal() {
            self.ended_at = Some(now);
            self.outcome = None;
        }
        Ok(())
    }

    /// Goes to another phase of its start, and sets the deadline that goes with it; false if it is in it already.
    pub fn start_phase(&mut self, phase: Phase, now: Timestamp) -> bool {
        let changed = self.start.go(phase, now);
        if changed {
            self.deadline = Some(self.start.deadline(&self.spec.policies.deadlines));
        }
        changed
    }
}
