//! The states of a run, and which may follow which.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::RunId;

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum RunState {
    /// Accepted; somebody has to approve it first.
    AwaitingApproval,
    /// Accepted; something it needs is not there yet.
    Queued,
    /// Every participant checks and reserves.
    Preparing,
    /// Members start, in the profile's order.
    Starting,
    /// All members run.
    Running,
    /// The attempt is decided; what is left of it is being stopped.
    Completing,
    /// The completion rule was met.
    Succeeded,
    /// A member failed, and no retry was left.
    Failed,
    /// A user cancelled it.
    Cancelled,
    /// A deadline expired.
    TimedOut,
    /// A party refused it, or whoever had to approve it.
    Rejected,
}

impl RunState {
    /// Every state there is.
    pub const ALL: [Self; 11] = [
        Self::AwaitingApproval,
        Self::Queued,
        Self::Preparing,
        Self::Starting,
        Self::Running,
        Self::Completing,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::TimedOut,
        Self::Rejected,
    ];

    /// Whether it is final.
    pub fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::TimedOut | Self::Rejected
        )
    }

    /// Whether `next` may follow.
    pub fn may_become(self, next: Self) -> bool {
        use RunState::{
            AwaitingApproval, Cancelled, Completing, Preparing, Queued, Rejected, Running, Starting, TimedOut,
        };
        match self {
            AwaitingApproval => matches!(next, Queued | Rejected | Cancelled | TimedOut),
            Queued => matches!(next, Preparing | Cancelled | TimedOut),
            Preparing => matches!(next, Starting | Completing),
            Starting => matches!(next, Running | Completing),
            // Back to Starting while a member is replaced.
            Running => matches!(next, Starting | Completing),
            // Back to Queued for the next attempt.
            Completing => next == Queued || next.is_terminal(),
            _ => false,
        }
    }

    /// The state of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.to_string() == text)
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A step that the state machine does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("run {id} is {from} and cannot become {to}")]
pub struct IllegalStep {
    /// The run.
    pub id: RunId,
    /// What it is.
    pub from: RunState,
    /// What was asked for.
    pub to: RunState,
}
