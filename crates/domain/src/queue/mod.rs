//! The queue: which of the runs that wait may begin, all of a run's parties at once, and what the others wait for.
//!
//! A function of what waits, of what is taken and of what there is: [`schedule`] decides about the whole queue, so that no run is
//! judged without those before it. A run takes what it needs at all parties or at none, in one step; nobody holds a part and waits
//! for another, so there is no deadlock.

mod capacity;
mod ledger;
mod schedule;
mod supply;

pub use self::{
    capacity::{Capacity, Demand, Shortage},
    schedule::{Decision, Verdict, schedule},
    supply::{Place, Supply, Taken},
};
use std::collections::BTreeMap;

use crate::{
    ids::{PartyId, RunId},
    spec::RunSpec,
    time::Timestamp,
};

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

/// What a run needs, at which parties.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needs {
    /// At parties that it cannot do without.
    pub fixed: BTreeMap<PartyId, Demand>,
    /// At some of several parties.
    pub choice: Option<Choice>,
}

/// Parties of which some are enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Who may be chosen, the most wanted first.
    pub candidates: Vec<PartyId>,
    /// No fewer.
    pub at_least: usize,
    /// No more.
    pub at_most: usize,
    /// What it takes of each.
    pub each: Demand,
}

impl RunSpec {
    /// What one attempt takes of each of its parties: a slot, and what its members there need.
    pub fn demands(&self) -> BTreeMap<PartyId, Demand> {
        let mut demands: BTreeMap<PartyId, Demand> = BTreeMap::new();
        for member in self.members() {
            let demand = demands.entry(member.party.clone()).or_insert(Demand::SLOT);
            *demand = demand.plus(Demand::of(&self.resources_of(member.role)));
        }
        demands
    }
}
