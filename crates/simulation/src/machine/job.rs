//! One job on a machine: what was asked of it, and what it comes to by itself.

use flow_launcher::{Exit, Identity, Prepared};

use super::script::{Fate, Script};
use crate::time::Moment;

/// A job, from its prepare to its purge.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) identity: Identity,
    pub(super) ports: Vec<String>,
    pub(super) prepared: Prepared,
    pub(super) script: Script,
    pub(super) started: Option<Started>,
    pub(super) stop: Option<Stop>,
    /// When the machine went down under it.
    pub(super) killed: Option<Moment>,
    pub(super) released: bool,
    /// Nothing of it is left on its machine; its fellows remember what it did.
    pub(super) purged: bool,
    /// What it came to, once that is past: whatever becomes of its fellows.
    pub(super) past: Option<Past>,
}

/// A job that has ended.
#[derive(Debug, Clone)]
pub(super) struct Past {
    pub(super) at: Moment,
    pub(super) how: End,
    pub(super) log: Vec<(Moment, String)>,
}

/// A start.
#[derive(Debug, Clone)]
pub(super) struct Started {
    pub(super) at: Moment,
    /// How many parties it was told to wait for, if it is an aggregator that ends with them.
    pub(super) waits_for: Option<usize>,
}

/// A wish to end it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop {
    pub(super) at: Moment,
    /// When it is killed.
    pub(super) kill: Moment,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Code(i32),
    OutOfMemory,
    Stopped,
    Lost,
}

impl End {
    /// The same in a launcher's words; times are those of the machine's own clock, in microseconds since the Unix epoch.
    pub(super) fn exit(self, started_at: i64, ended_at: i64) -> Exit {
        let (code, signal, reason) = match self {
            Self::Code(code) => (Some(code), None, None),
            Self::OutOfMemory => (Some(137), None, Some("OOMKilled".to_owned())),
            Self::Stopped => (None, (started_at < ended_at).then_some(15), None),
            // Observed as lost, which is no exit.
            Self::Lost => (None, None, None),
        };
        Exit {
            code,
            signal,
            stopped: self == Self::Stopped,
            started_at,
            ended_at,
            message: reason.as_ref().map(|_| "it used more memory than it may".to_owned()),
            reason,
        }
    }
}

impl Job {
    /// When its process runs, if nothing comes in between.
    pub(super) fn up(&self) -> Option<Moment> {
        self.started.as_ref().map(|started| started.at.plus(self.script.waits))
    }

    /// When it is ready, if nothing comes in between.
    pub(super) fn ready(&self) -> Option<Moment> {
        Some(self.up()?.plus(self.script.ready_after?))
    }

    /// What its own fate or somebody else ends it with, and when; its work is not counted.
    pub(super) fn cut_short(&self) -> Option<(Moment, End)> {
        let up = self.up()?;
        let fate = match self.script.fate {
            Fate::Works | Fate::Hangs(_) => None,
            Fate::Exits(code, after) => Some((up.plus(after), End::Code(code))),
            Fate::RunsOutOfMemory(after) => Some((up.plus(after), End::OutOfMemory)),
            Fate::LosesSupervisor(after) => Some((up.plus(after), End::Lost)),
        };
        let stopped = self
            .stop
            .map(|stop| (stop.at.plus(self.script.stops_in).min(stop.kill), End::Stopped));
        let killed = self.killed.map(|at| (at, End::Lost));
        [fate, stopped, killed].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// After how many rounds it gets no further.
    pub(super) fn last_round(&self) -> u32 {
        match self.script.fate {
            Fate::Hangs(round) => round.min(self.script.rounds),
            _ => self.script.rounds,
        }
    }

    /// Whether it gets through all its rounds, if it is let.
    pub(super) fn finishes(&self) -> bool {
        !matches!(self.script.fate, Fate::Hangs(_))
    }
}
