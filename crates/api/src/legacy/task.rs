//! Tasks as `/api/v1` shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::LegacyTime;

/// How a task's newest run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum Status {
    /// It was accepted.
    Started,
    /// Its parties prepare.
    Pending,
    /// It trains.
    Running,
    /// It has ended well.
    Succeeded,
    /// It has failed.
    Failed,
    /// Nothing is known of it now.
    Unknown,
    /// It was stopped.
    Cancelled,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Started,
        Self::Pending,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Unknown,
        Self::Cancelled,
    ];

    /// Its name, as it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Started => "Started",
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Unknown => "Unknown",
            Self::Cancelled => "Cancelled",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether it may not be started again now.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Started | Self::Pending | Self::Running | Self::Unknown)
    }
}

/// A party of a task, and its data.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FederateData {
    /// The party's id.
    pub federated_id: String,
    /// Its data set; a party is not told that of others.
    #[serde(default)]
    pub federated_data: Option<String>,
}

/// How far a party is, as the aggregation server says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PartyStatus {
    /// The party's id.
    pub name: String,
    /// Whether it has registered.
    pub ready: Option<bool>,
    /// Whether it has gone through all epochs.
    pub complete: Option<bool>,
    /// The epoch it is in.
    pub current_epoch: Option<u32>,
    /// How many there are.
    pub total_epoch: Option<u32>,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskView {
    /// Its id, 32 hex digits.
    pub task_id: String,
    /// The id of its template, 30 hex digits.
    pub template_id: String,
    /// Its name.
    pub name: String,
    /// What somebody noted about it.
    pub remark: Option<String>,
    /// How its newest run stands; null before the first start.
    pub status: Option<Status>,
    /// Who takes part, with which data.
    pub federate_data: Vec<FederateData>,
    /// How far its parties are; null where no aggregation server says so.
    pub party_status: Option<Vec<PartyStatus>>,
    /// When it was made.
    pub create_time: LegacyTime,
    /// When it was last changed.
    pub modify_time: LegacyTime,
}

/// One page of tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TasksView {
    /// The tasks of this page.
    pub tasks: Vec<TaskView>,
    /// How many there are on all pages.
    pub task_count: u64,
}

/// A task that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskMade {
    /// Its id, 32 hex digits.
    pub task_id: String,
}

/// The log of a party's part of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsView {
    /// Its lines, oldest first.
    pub logs: Vec<String>,
}
