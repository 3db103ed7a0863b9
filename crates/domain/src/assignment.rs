//! Assignments: one role of one attempt at one agent, and the states they go through.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    ids::{AssignmentId, PartyId, RunId},
    progress::Progress,
    reason::Reason,
    spec::Endpoints,
    time::Timestamp,
};

/// What the server wants of an assignment. Only ever moves on: prepare, run, stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Desired {
    /// Check and reserve, start nothing.
    Prepare,
    /// Run it.
    Run,
    /// Stop it, whatever it does.
    Stop,
}

/// What an agent sees of an assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum AssignmentState {
    /// Not answered for yet.
    Pending,
    /// Checked and reserved.
    Prepared,
    /// Asked to start.
    Starting,
    /// Its process runs.
    Running,
    /// Its process ended well.
    Succeeded,
    /// Its process ended badly, or could not be started.
    Failed,
    /// It was stopped because the platform asked for it.
    Stopped,
    /// The agent refused it.
    Rejected,
    /// Nobody knows: its agent is away, or did not say in time.
    Lost,
}

impl AssignmentState {
    /// Every state there is.
    pub const ALL: [Self; 9] = [
        Self::Pending,
        Self::Prepared,
        Self::Starting,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Stopped,
        Self::Rejected,
        Self::Lost,
    ];

    /// Whether it is final.
    pub fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Stopped | Self::Rejected | Self::Lost
        )
    }

    /// Whether it ended in a way that costs the gang its attempt.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Rejected | Self::Lost)
    }

    /// Whether `next` may follow. Reports coalesce, so a state may be passed over, but none is gone back to.
    pub fn may_become(self, next: Self) -> bool {
        match next {
            Self::Pending => false,
            // A refusal comes before anything is started.
            Self::Rejected => matches!(self, Self::Pending | Self::Prepared),
            _ => !self.is_terminal() && next > self,
        }
    }
}

impl fmt::Display for AssignmentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A step that the state machine does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("assignment {id} is {from} and cannot become {to}")]
pub struct IllegalStep {
    /// The assignment.
    pub id: AssignmentId,
    /// What it is.
    pub from: AssignmentState,
    /// What was asked for.
    pub to: AssignmentState,
}

/// One role of one attempt at one agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// Its id.
    pub id: AssignmentId,
    /// The run.
    pub run: RunId,
    /// The attempt, from 1.
    pub attempt: u32,
    /// How often this member was started anew within the attempt.
    pub incarnation: u32,
    /// The role's name in the profile.
    pub role: String,
    /// The party whose agent carries it out.
    pub party: PartyId,
    /// The index within the role.
    pub index: u32,
    /// The party's data set.
    pub dataset: Option<String>,
    /// What the server wants.
    pub desired: Desired,
    /// Grows with every change of what is wanted, from 1.
    pub generation: u64,
    /// What the agent sees.
    pub state: AssignmentState,
    /// Why.
    pub reason: Reason,
    /// In words.
    pub message: String,
    /// Whether the profile's readiness is met.
    pub ready: bool,
    /// Where it listens, once prepared.
    pub endpoints: Option<Endpoints>,
    /// Its exit code, once it ended by itself.
    pub exit_code: Option<i32>,
    /// When its process ended, by the agent's clock.
    pub exited_at: Option<Timestamp>,
    /// How far it has come.
    pub progress: Progress,
    /// When it was planned.
    pub created_at: Timestamp,
    /// Since when it is in its state.
    pub state_since: Timestamp,
    /// When it became final.
    pub ended_at: Option<Timestamp>,
}

impl Assignment {
    /// Moves to a state.
    ///
    /// # Errors
    /// If the state machine does not allow it; nothing is changed then.
    pub fn step(
        &mut self,
        to: AssignmentState,
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
        if to.is_terminal() {
            self.ended_at = Some(now);
            self.ready = false;
        }
        Ok(())
    }

    /// Changes what is wanted; true if that is news.
    pub fn want(&mut self, desired: Desired) -> bool {
        if desired <= self.desired {
            return false;
        }
        self.desired = desired;
        self.generation += 1;
        true
    }

    /// Whether its process is believed to be up.
    pub fn is_up(&self) -> bool {
        self.state == AssignmentState::Running
    }

    /// `party-a` for a member beside data, `server at center` for others: as people call it.
    pub fn label(&self) -> String {
        format!("{} at {}", self.role, self.party)
    }
}

/// What an agent says about one assignment. The newest replaces all before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The assignment.
    pub assignment: AssignmentId,
    /// The generation that the agent acted on.
    pub generation: u64,
    /// What it sees.
    pub state: AssignmentState,
    /// Why.
    pub reason: Reason,
    /// In words.
    pub message: String,
    /// Whether the readiness is met.
    pub ready: bool,
    /// Where it listens.
    pub endpoints: Option<Endpoints>,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// When its process ended.
    pub exited_at: Option<Timestamp>,
    /// How far it has come.
    pub progress: Progress,
    /// How far others of the same attempt have come, by party, where this role is the source of that.
    pub members: Vec<(PartyId, Progress)>,
}

impl Assignment {
    /// Takes over what the agent says; true if anything changed. A final state stays what it is, and a report that would go back
    /// is old: level-triggered reports need no error for either.
    pub fn observe(&mut self, report: &Report, now: Timestamp) -> bool {
        let mut changed = false;
        if !self.state.is_terminal() {
            changed |= self.observe_live(report, now);
        }
        changed | self.progress.merge(&report.progress)
    }

    fn observe_live(&mut self, report: &Report, now: Timestamp) -> bool {
        let before = (self.ready, self.endpoints.clone(), self.exit_code, self.exited_at);
        self.endpoints = self.endpoints.take().or_else(|| report.endpoints.clone());
        self.exit_code = self.exit_code.or(report.exit_code);
        self.exited_at = self.exited_at.or(report.exited_at);
        self.ready |= report.ready;
        let stepped = self
            .step(report.state, report.reason, report.message.clone(), now)
            .is_ok();
        if !stepped && report.state == self.state && self.message != report.message {
            self.reason = report.reason;
            self.message.clone_from(&report.message);
            return true;
        }
        stepped || before != (self.ready, self.endpoints.clone(), self.exit_code, self.exited_at)
    }
}
