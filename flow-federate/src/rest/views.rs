//! Assignments, their events, and data sets, as a party is shown them.

use flow_agent::{
    Holding,
    config::Dataset,
    journal::{Asked, Entry, JournalEvent, What},
};
use flow_domain::{
    AssignmentId, AssignmentState, Desired, Progress, Reason, RunId, TaskId, Timestamp, profile::Placement,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// One assignment: what was asked of this party, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct AssignmentView {
    /// Its id.
    id: AssignmentId,
    /// What was asked; absent if that is not known: it could not be read, or is older than the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<AskedView>,
    /// What the server wants of it; absent if nothing any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    desired: Option<Desired>,
    /// The generation of that wish.
    generation: u64,
    /// Where it stands.
    state: AssignmentState,
    /// Since when.
    state_since: Timestamp,
    /// Why.
    reason: Reason,
    /// In words.
    message: String,
    /// Whether the profile's readiness is met.
    ready: bool,
    /// Its exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    /// How far it had come.
    progress: Progress,
    /// When it was first heard of.
    given_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    /// When all that it held was given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    cleared_at: Option<Timestamp>,
    /// When its files and logs were removed, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    purged_at: Option<Timestamp>,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct AskedView {
    /// The run.
    run: RunId,
    /// The task.
    task: TaskId,
    /// The task's name.
    task_name: String,
    /// The attempt, from 1.
    attempt: u32,
    /// The framework.
    framework: String,
    /// The role.
    role: String,
    /// Whether it is the one that aggregates, and works on no data.
    aggregates: bool,
    /// The data set.
    #[serde(skip_serializing_if = "Option::is_none")]
    dataset: Option<String>,
}

/// One assignment with everything that was asked.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct AssignmentDetail {
    #[serde(flatten)]
    assignment: AssignmentView,
    /// The specification, as the server gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    spec: Option<Value>,
}

/// Something that happened to an assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct EventView {
    /// Its place among the assignment's events, from 1.
    sequence: u64,
    /// When.
    at: Timestamp,
    #[serde(flatten)]
    what: WhatView,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "what")]
enum WhatView {
    /// The server wants this.
    Wanted { desired: Desired, generation: u64 },
    /// The server wants nothing of it any more.
    Unwanted,
    /// It stands differently.
    State {
        state: AssignmentState,
        reason: Reason,
        message: String,
        ready: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        exit_code: Option<i32>,
    },
    /// All that it held was given back.
    Cleared,
    /// Its files and logs were removed.
    Purged,
}

/// A data set of this party's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct DatasetView {
    /// Its name: all that the server sees.
    name: String,
    /// What it is.
    kind: DatasetKind,
    /// Where: a path, the claim and the folder in it, or the export.
    place: String,
    /// Whether it is there and can be read; absent where only the cluster could say.
    #[serde(skip_serializing_if = "Option::is_none")]
    there: Option<bool>,
}

/// What a data set is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum DatasetKind {
    /// A file or folder of this machine, or of the nodes.
    Path,
    /// A PersistentVolumeClaim.
    Claim,
    /// An NFS export.
    Nfs,
}

impl From<Entry> for AssignmentView {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.id,
            asked: entry.asked.map(AskedView::from),
            desired: entry.desired,
            generation: entry.generation,
            state: entry.state,
            state_since: entry.state_since,
            reason: entry.reason,
            message: entry.message,
            ready: entry.ready,
            exit_code: entry.exit_code,
            progress: entry.progress,
            given_at: entry.given_at,
            ended_at: entry.ended_at,
            cleared_at: entry.cleared_at,
            purged_at: entry.purged_at,
        }
    }
}

impl From<Asked> for AskedView {
    fn from(asked: Asked) -> Self {
        Self {
            run: asked.run,
            task: asked.task,
            task_name: asked.task_name,
            attempt: asked.attempt,
            framework: asked.framework,
            role: asked.role,
            aggregates: asked.placement == Placement::Aggregator,
            dataset: asked.dataset,
        }
    }
}

impl AssignmentDetail {
    pub(super) fn new(entry: Entry, spec: Option<Value>) -> Self {
        Self {
            assignment: entry.into(),
            spec,
        }
    }
}

impl From<JournalEvent> for EventView {
    fn from(event: JournalEvent) -> Self {
        let what = match event.what {
            What::Wanted { desired, generation } => WhatView::Wanted { desired, generation },
            What::Unwanted => WhatView::Unwanted,
            What::State {
                state,
                reason,
                message,
                ready,
                exit_code,
            } => WhatView::State {
                state,
                reason,
                message,
                ready,
                exit_code,
            },
            What::Cleared => WhatView::Cleared,
            What::Purged => WhatView::Purged,
        };
        Self {
            sequence: event.sequence,
            at: event.at,
            what,
        }
    }
}

impl From<Holding> for DatasetView {
    fn from(holding: Holding) -> Self {
        let (kind, place) = match holding.place {
            Dataset::Path(path) => (DatasetKind::Path, path.display().to_string()),
            Dataset::Claim { claim, sub_path } if sub_path.is_empty() => (DatasetKind::Claim, claim),
            Dataset::Claim { claim, sub_path } => (DatasetKind::Claim, format!("{claim}/{sub_path}")),
            Dataset::Nfs { nfs, path } => (DatasetKind::Nfs, format!("{nfs}:{path}")),
        };
        Self {
            name: holding.name,
            kind,
            place,
            there: holding.there,
        }
    }
}
