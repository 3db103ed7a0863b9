//! What the store takes and gives.

use std::{collections::HashMap, sync::Arc};

use flow_domain::{
    Reason, Run, RunId, RunState, Span, TaskId, Timestamp,
    gang::{Event, Gang},
    queue::{Taken, Waiting},
};
use sha2::{Digest, Sha256};

/// A gang as it is stored.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The gang.
    pub gang: Arc<Gang>,
    /// When it is to be planned next; `None` if it is final.
    pub wake_at: Option<Timestamp>,
}

/// An event with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// From 1.
    pub sequence: u64,
    /// What happened.
    pub event: Event,
}

/// A key that a client sent, and what it was sent with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// A digest of method, path and key.
    pub id: String,
    /// A digest of the body.
    pub fingerprint: String,
}

impl Claim {
    /// Of a key at a place, such as a method and a path, with a body.
    pub fn of(place: &str, key: &[u8], body: &[u8]) -> Self {
        let id = Sha256::new().chain_update(place).chain_update([0]).chain_update(key);
        let hex = |digest: &[u8]| digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            id: hex(&id.finalize()),
            fingerprint: hex(&Sha256::digest(body)),
        }
    }
}

/// Whether something was created now or by an earlier request with the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// Now.
    New,
    /// Earlier; this is its id.
    Before(String),
}

/// Which runs to list.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Of this task.
    pub task: Option<TaskId>,
    /// In one of these states; any if empty.
    pub states: Vec<RunState>,
    /// Older than this one.
    pub after: Option<RunId>,
}

/// Which part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How many are passed over, the newest first.
    pub skip: u64,
    /// How many there are at most.
    pub limit: u64,
}

/// A part of a list, and how many there are in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered<T> {
    /// The part, newest first.
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: u64,
}

/// All that waits, and all that is taken.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    /// Runs that wait to begin.
    pub waiting: Vec<Waiting>,
    /// What live attempts have taken, by party.
    pub taken: Taken,
    /// What each run that waits was told last, as [`said`] writes it.
    pub said: HashMap<RunId, String>,
}

/// What a run is told that it waits for, as one text.
pub(crate) fn said(reason: Reason, message: &str) -> String {
    format!("{reason}: {message}")
}

/// The same of a run as it is stored; empty if it does not wait.
pub(in crate::store) fn said_to(run: &Run) -> String {
    match run.is_waiting() {
        true => said(run.reason, &run.message),
        false => String::new(),
    }
}

/// The number of a run in the column `queue`. What a run takes is taken as long as its state says so: there is no reservation beside
/// it that could be forgotten.
pub(in crate::store) fn standing(run: &Run) -> i64 {
    match (run.is_waiting(), run.is_taking()) {
        (true, _) => WAITS,
        (_, true) => TAKES,
        _ => 0,
    }
}

/// How long an idempotency key is remembered.
pub(in crate::store) const KEPT: Span = Span::hours(24);

pub(in crate::store) const WAITS: i64 = 1;
pub(in crate::store) const TAKES: i64 = 2;
