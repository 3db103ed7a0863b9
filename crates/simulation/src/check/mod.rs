//! What must be so at every step, whatever fails, and at the end.

mod approval;
mod capacity;
mod choice;
mod commit;
mod judge;
mod shortage;

pub(crate) use self::judge::{Expectations, Judge};

use crate::time::Moment;

/// A promise of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A run has one live attempt at most, and of each member one live assignment.
    OneAttempt,
    /// What has ended stays as it ended.
    FinalStays,
    /// States follow each other as the state machines say.
    LegalSteps,
    /// Each failure has a reason, in words too.
    Reason,
    /// What asks for approval does nothing before it is approved, and what was decided stays so.
    Approval,
    /// Who takes part is who was asked for, and from the beginning on nobody else.
    Choice,
    /// What there is too little of is waited for: it fails nothing, and what was given back for it had started nothing.
    Shortage,
    /// No more is taken of a party or a site than it offers.
    Capacity,
    /// No assignment runs twice, and no two runs of one member at a time.
    RunsOnce,
    /// An accepted run is there for good, once.
    NotLost,
    /// Once the faults stop, every run ends, and so do its jobs.
    Ends,
    /// Where nothing goes wrong, every run succeeds at the first attempt.
    Succeeds,
    /// No program breaks down by itself.
    NoPanic,
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// When.
    pub at: Moment,
    /// Which.
    pub rule: Rule,
    /// How.
    pub what: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at {}: {:?}: {}", self.at, self.rule, self.what)
    }
}
