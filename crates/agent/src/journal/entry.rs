//! What the journal knows of one assignment.

use flow_domain::{
    AssignmentId, AssignmentState, Desired, Progress, Reason, RunId, TaskId, Timestamp, profile::Placement,
};
use serde::{Deserialize, Serialize};

/// One assignment: what was asked, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its id.
    pub id: AssignmentId,
    /// What was asked; absent if that is not known: it could not be read, or is older than the journal.
    pub asked: Option<Asked>,
    /// When it was first heard of.
    pub given_at: Timestamp,
    /// The generation of what is wanted.
    pub generation: u64,
    /// What is wanted; absent if nothing is any more.
    pub desired: Option<Desired>,
    /// Where it stands.
    pub state: AssignmentState,
    /// Since when.
    pub state_since: Timestamp,
    /// Why.
    pub reason: Reason,
    /// In words.
    pub message: String,
    /// Whether the profile's readiness is met.
    pub ready: bool,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How far it had come.
    pub progress: Progress,
    /// When all that it held was given back.
    pub cleared_at: Option<Timestamp>,
    /// When its files and logs were removed, too.
    pub purged_at: Option<Timestamp>,
    /// How many events there are.
    pub events: u64,
}

/// What was asked of the party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The run.
    pub run: RunId,
    /// The task.
    pub task: TaskId,
    /// The task's name.
    pub task_name: String,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The framework.
    pub framework: String,
    /// The role.
    pub role: String,
    /// Where the role runs: at every party, with its data, or once for all of them.
    pub placement: Placement,
    /// The data set.
    pub dataset: Option<String>,
}

impl Entry {
    /// One that was just heard of.
    pub(super) fn new(id: AssignmentId, at: Timestamp) -> Self {
        Self {
            id,
            asked: None,
            given_at: at,
            generation: 0,
            desired: None,
            state: AssignmentState::Pending,
            state_since: at,
            reason: Reason::WaitingForAgent,
            message: String::new(),
            ready: false,
            exit_code: None,
            ended_at: None,
            progress: Progress::default(),
            cleared_at: None,
            purged_at: None,
            events: 0,
        }
    }

    pub(super) fn standing(&self) -> Standing {
        match (self.cleared_at, self.purged_at) {
            (_, Some(_)) => Standing::Over,
            (Some(_), None) => Standing::Kept,
            (None, None) => Standing::Live,
        }
    }
}

/// What there is of an assignment beside its entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is looked after.
    Live,
    /// Files and logs.
    Kept,
    /// Nothing.
    Over,
}

impl Standing {
    /// The number in the column `standing`.
    pub(super) fn number(self) -> i64 {
        match self {
            Self::Live => 0,
            Self::Kept => 1,
            Self::Over => 2,
        }
    }
}

/// Something that happened to an assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEvent {
    /// Its place among the assignment's events, from 1.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what")]
pub enum What {
    /// The server wants this.
    Wanted {
        /// What.
        desired: Desired,
        /// The generation of that wish.
        generation: u64,
    },
    /// The server wants nothing of it any more.
    Unwanted,
    /// It stands differently.
    State {
        /// How.
        state: AssignmentState,
        /// Why.
        reason: Reason,
        /// In words.
        message: String,
        /// Whether it is ready.
        ready: bool,
        /// Its exit code.
        exit_code: Option<i32>,
    },
    /// All that it held was given back. Its files and logs are still there.
    Cleared,
    /// Its files and logs were removed.
    Purged,
}

/// Where a list goes on: after that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    /// When it was given.
    pub given_at: Timestamp,
    /// Its id.
    pub id: AssignmentId,
}

/// Which assignments to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this run.
    pub run: Option<RunId>,
    /// Of this task.
    pub task: Option<TaskId>,
    /// In this state.
    pub state: Option<AssignmentState>,
    /// Older than this one.
    pub after: Option<After>,
}
