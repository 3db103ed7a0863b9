//! What the agent notes, and what it makes of an entry. The same for a journal in a database and one in memory.

use std::sync::Arc;

use flow_domain::{AssignmentId, AssignmentSpec, AssignmentState, Desired, Progress, Reason, Timestamp};

use super::entry::{Asked, Entry, Standing, What};
use crate::board::Status;

/// The longest message that is kept, in characters.
const MAX_MESSAGE: usize = 2_000;

/// How many events an assignment may have. What only says how it stands is left out after that; how it ends is not.
const MAX_EVENTS: u64 = 1_000;

/// One thing about one assignment.
#[derive(Debug, Clone)]
pub(super) struct Note {
    pub(super) id: AssignmentId,
    pub(super) at: Timestamp,
    pub(super) news: News,
}

/// What there is to note.
#[derive(Debug, Clone)]
pub(super) enum News {
    /// The server wants this.
    Wanted {
        generation: u64,
        desired: Desired,
        spec: Arc<AssignmentSpec>,
    },
    /// The server wants nothing of it any more.
    Unwanted,
    /// It stands thus.
    Seen(Box<Seen>),
    /// All that it held was given back.
    Cleared,
    /// Its files and logs were removed.
    Purged,
    /// Nobody wants it, and nothing of it is here.
    Missing,
    /// It ended before there was a journal, and has files and logs.
    Inherited,
}

/// How an assignment stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    pub(super) state: AssignmentState,
    pub(super) reason: Reason,
    pub(super) message: String,
    pub(super) ready: bool,
    pub(super) exit_code: Option<i32>,
    pub(super) exited_at: Option<Timestamp>,
    pub(super) progress: Progress,
}

impl Seen {
    pub(super) fn of(status: &Status) -> Self {
        Self {
            state: status.state,
            reason: status.reason,
            message: status.message.chars().take(MAX_MESSAGE).collect(),
            ready: status.ready,
            exit_code: status.exit_code,
            exited_at: status.exited_at,
            progress: status.progress.clone(),
        }
    }
}

/// An entry as notes change it, with what there is to write of that.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// The entry; none if there is none yet.
    pub(super) entry: Option<Entry>,
    /// Whether it has changed.
    pub(super) changed: bool,
    /// What has happened.
    pub(super) events: Vec<(Timestamp, What)>,
    /// What is asked by now, where that has changed.
    pub(super) spec: Option<Arc<AssignmentSpec>>,
}

impl Draft {
    /// Of an entry as it is stored.
    pub(super) fn of(entry: Option<Entry>) -> Self {
        Self {
            entry,
            ..Self::default()
        }
    }

    /// Takes a note; what is known already changes nothing, so that it may be noted again after a restart.
    pub(super) fn take(&mut self, note: &Note) {
        let entry = self.entry.get_or_insert_with(|| Entry::new(note.id, note.at));
        let at = note.at;
        let before = entry.clone();
        let mut events = Vec::new();
        match &note.news {
            News::Wanted {
                generation,
                desired,
                spec,
            } => {
                let is_new = entry.asked.is_none() || entry.generation != *generation;
                if is_new {
                    entry.asked = Some(asked(spec));
                    self.spec = Some(spec.clone());
                }
                if is_new || entry.desired != Some(*desired) {
                    (entry.generation, entry.desired) = (*generation, Some(*desired));
                    events.push(What::Wanted {
                        desired: *desired,
                        generation: *generation,
                    });
                }
                // Wanted again after all.
                (entry.cleared_at, entry.purged_at) = (None, None);
            }
            News::Unwanted => {
                if entry.desired.take().is_some() {
                    events.push(What::Unwanted);
                }
            }
            News::Seen(seen) => events.extend(see(entry, seen, at)),
            News::Cleared => {
                if entry.standing() == Standing::Live {
                    events.extend(ends(
                        entry,
                        at,
                        AssignmentState::Stopped,
                        "cleared away: nobody wanted it any more",
                    ));
                    entry.cleared_at = Some(at);
                    events.push(What::Cleared);
                }
            }
            News::Purged => events.extend(purge(entry, at)),
            News::Missing => {
                events.extend(entry.desired.take().map(|_| What::Unwanted));
                events.extend(ends(
                    entry,
                    at,
                    AssignmentState::Lost,
                    "nobody wants it, and nothing of it is here any more",
                ));
                events.extend(purge(entry, at));
            }
            News::Inherited => {
                if entry.standing() == Standing::Live {
                    entry.state = AssignmentState::Lost;
                    entry.message = "it ended before there was a journal: how is not known".to_owned();
                    entry.cleared_at = Some(at);
                    events.push(What::Cleared);
                }
            }
        }
        if entry.events >= MAX_EVENTS {
            events.retain(|what| !matches!(what, What::State { state, .. } if !state.is_terminal()));
        }
        entry.events += events.len() as u64;
        self.changed |= *entry != before || self.spec.is_some();
        self.events.extend(events.into_iter().map(|what| (at, what)));
    }
}

fn asked(spec: &AssignmentSpec) -> Asked {
    Asked {
        run: spec.run,
        task: spec.task,
        task_name: spec.task_name.clone(),
        attempt: spec.attempt,
        framework: spec.framework.clone(),
        role: spec.role.clone(),
        placement: spec.launch.placement,
        dataset: spec.dataset.clone(),
    }
}

/// States only move on: an agent that was restarted begins anew, and says nothing that was not known.
fn see(entry: &mut Entry, seen: &Seen, at: Timestamp) -> Option<What> {
    if entry.state.is_terminal() || seen.state < entry.state {
        return None;
    }
    let is_same = (entry.state, entry.reason, entry.ready, entry.exit_code)
        == (seen.state, seen.reason, seen.ready, seen.exit_code);
    if entry.state != seen.state {
        entry.state_since = at;
    }
    (entry.state, entry.reason, entry.ready) = (seen.state, seen.reason, seen.ready);
    entry.exit_code = seen.exit_code;
    entry.message.clone_from(&seen.message);
    entry.progress.merge(&seen.progress);
    if seen.state.is_terminal() {
        entry.ended_at = seen.exited_at.or(Some(at));
    }
    (!is_same).then(|| state_of(entry))
}

/// An entry that nobody will say anything more about does not stay as if it went on.
fn ends(entry: &mut Entry, at: Timestamp, state: AssignmentState, message: &str) -> Option<What> {
    if entry.state.is_terminal() {
        return None;
    }
    (entry.state, entry.state_since, entry.ended_at) = (state, at, Some(at));
    (entry.reason, entry.ready) = (Reason::StoppedOnRequest, false);
    entry.message = message.to_owned();
    Some(state_of(entry))
}

fn purge(entry: &mut Entry, at: Timestamp) -> Option<What> {
    if entry.standing() == Standing::Over {
        return None;
    }
    entry.cleared_at = entry.cleared_at.or(Some(at));
    entry.purged_at = Some(at);
    Some(What::Purged)
}

fn state_of(entry: &Entry) -> What {
    What::State {
        state: entry.state,
        reason: entry.reason,
        message: entry.message.clone(),
        ready: entry.ready,
        exit_code: entry.exit_code,
    }
}
