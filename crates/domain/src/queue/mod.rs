//! The queue: which of the runs that wait may begin, all of a run's parties at once, and what the others wait for.
//!
//! A function of what waits, of what is taken and of what there is: [`schedule`] decides about the whole queue, so that no run is
//! judged without those before it. A run takes what it needs at all parties or at none, in one step; nobody holds a part and waits
//! for another, so there is no deadlock.

mod capacity;
mod ledger;
mod needs;
mod schedule;
mod supply;

pub use self::{
    capacity::{Capacity, Demand, Shortage},
    needs::{Candidates, Choice, Criteria, Needs},
    schedule::{Admission, Decision, Verdict, schedule},
    supply::{Offer, Place, Supply, Taken},
};
use crate::{ids::RunId, time::Timestamp};

/// A run that waits.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// The run.
    pub run: RunId,
    /// Higher goes first.
    pub priority: i32,
    /// Since when: of the same priority, who came first goes first.
    pub since: Timestamp,
    /// What it needs.
    pub needs: Needs,
}
