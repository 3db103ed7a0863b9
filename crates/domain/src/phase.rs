//! The phases of a gang that starts. Each has a budget of time of its own, which goes on where it was left: however often the gang goes
//! from one to another, it takes no longer than all budgets together.

use serde::{Deserialize, Serialize};

use crate::{
    policy::Deadlines,
    reason::Reason,
    time::{Span, Timestamp},
};

/// What a gang that starts waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum Phase {
    /// A container image on its way.
    Pulling,
    /// Members that are asked to start, until they are up and ready.
    #[default]
    Starting,
    /// Members that are up, until they have registered.
    Registering,
}

impl Phase {
    /// Every phase there is.
    pub const ALL: [Self; 3] = [Self::Pulling, Self::Starting, Self::Registering];

    /// How long it may last.
    pub fn limit(self, deadlines: &Deadlines) -> Span {
        match self {
            Self::Pulling => deadlines.pull(),
            Self::Starting => deadlines.start(),
            Self::Registering => deadlines.register(),
        }
    }

    /// The reason of a run whose time for it is over.
    pub fn expiry(self) -> Reason {
        match self {
            Self::Pulling => Reason::PullDeadlineExceeded,
            Self::Starting => Reason::StartDeadlineExceeded,
            Self::Registering => Reason::RegisterDeadlineExceeded,
        }
    }

    /// What was not reached in time, as in "not … after 5m".
    pub fn aim(self) -> &'static str {
        match self {
            Self::Pulling => "pulled",
            Self::Starting => "started",
            Self::Registering => "registered",
        }
    }
}

/// Where a start stands, and how much of its time is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Start {
    /// What it waits for now.
    pub phase: Phase,
    /// Since when.
    pub since: Timestamp,
    /// Time used before, of each phase in their order.
    pub used: [Span; 3],
}

impl Start {
    /// A start that begins.
    pub fn begin(now: Timestamp) -> Self {
        Self {
            since: now,
            ..Self::default()
        }
    }

    /// Goes to another phase; false if it is in it already.
    pub fn go(&mut self, phase: Phase, now: Timestamp) -> bool {
        if self.phase == phase {
            return false;
        }
        let used = &mut self.used[self.phase as usize];
        *used = Span(used.0.saturating_add(now.since(self.since).0));
        (self.phase, self.since) = (phase, now);
        true
    }

    /// When the time of this phase is over.
    pub fn deadline(&self, deadlines: &Deadlines) -> Timestamp {
        let left = self
            .phase
            .limit(deadlines)
            .0
            .saturating_sub(self.used[self.phase as usize].0);
        self.since.after(Span(left))
    }
}
