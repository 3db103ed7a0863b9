//! What a run needs of which parties, and how a choice among them becomes part of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Demand;
use crate::{
    ids::PartyId, labels::Labels, profile::Placement, spec::RunSpec, task::Participant, validate::limits::PARTICIPANTS,
};

/// What a run needs, at which parties.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Needs {
    /// At parties that it cannot do without.
    #[serde(default)]
    pub fixed: BTreeMap<PartyId, Demand>,
    /// At some of several parties.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
}

/// Parties of which some are enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Who may be chosen.
    pub candidates: Candidates,
    /// No fewer.
    pub at_least: usize,
    /// No more.
    pub at_most: usize,
    /// What it takes of each; of one that it needs anyway, no second slot.
    pub each: Demand,
}

/// Who may be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Candidates {
    /// These, the most wanted first.
    Named(Vec<PartyId>),
    /// Whoever offers this, those with the fewest runs first.
    Matching(Criteria),
}

/// What parties have to offer to be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Criteria {
    /// These labels, and maybe others.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// A data set of that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Who takes part anyway, and is not chosen once more.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub but: BTreeSet<PartyId>,
}

impl RunSpec {
    /// What one attempt takes of each of its parties: a slot, and what its members there need.
    pub fn demands(&self) -> BTreeMap<PartyId, Demand> {
        self.demands_of(|_| true)
    }

    fn demands_of(&self, counts: impl Fn(Placement) -> bool) -> BTreeMap<PartyId, Demand> {
        let mut demands: BTreeMap<PartyId, Demand> = BTreeMap::new();
        for member in self.members() {
            let placement = self.profile.roles.get(member.role).map(|role| role.placement);
            if !placement.is_some_and(&counts) {
                continue;
            }
            let demand = demands.entry(member.party.clone()).or_insert(Demand::SLOT);
            *demand = demand.plus(Demand::of(&self.resources_of(member.role)));
        }
        demands
    }

    /// What it waits for: once its parties are settled, its demands.
    pub fn needs(&self) -> Needs {
        let choice = |candidates, at_least: u32, at_most| Choice {
            candidates,
            at_least: at_least as usize,
            at_most,
            each: self.profile.data_role().map_or(Demand::SLOT, |role| {
                Demand::SLOT.plus(Demand::of(&self.resources_of(role)))
            }),
        };
        let named = self.participants.iter().map(|participant| participant.party.clone());
        match (&self.select, self.min_parties) {
            (Some(select), _) => {
                let room = PARTICIPANTS.saturating_sub(self.participants.len());
                let at_most = select.max.map_or(room, |max| room.min(max as usize));
                let criteria = Criteria {
                    labels: select.labels.clone(),
                    dataset: select.dataset.clone(),
                    but: named.collect(),
                };
                Needs {
                    fixed: self.demands(),
                    choice: Some(choice(Candidates::Matching(criteria), select.min, at_most)),
                }
            }
            (None, Some(min)) => Needs {
                fixed: self.demands_of(|placement| placement == Placement::Aggregator),
                choice: Some(choice(Candidates::Named(named.collect()), min, self.participants.len())),
            },
            (None, None) => Needs {
                fixed: self.demands(),
                choice: None,
            },
        }
    }

    /// Whether it is not settled yet who takes part.
    pub fn is_open(&self) -> bool {
        self.select.is_some() || self.min_parties.is_some()
    }

    /// Settles who takes part, for all attempts; false, and nothing is changed, if these are too few.
    pub fn settle(&mut self, chosen: &[PartyId]) -> bool {
        if let Some(select) = &self.select {
            if chosen.len() < select.min as usize {
                return false;
            }
            let participant = |party: &PartyId| Participant {
                party: party.clone(),
                dataset: select.dataset.clone(),
            };
            self.participants.extend(chosen.iter().map(participant));
        } else if let Some(min) = self.min_parties {
            let is_chosen = |participant: &&Participant| chosen.contains(&participant.party);
            if self.participants.iter().filter(is_chosen).count() < min as usize {
                return false;
            }
            self.participants.retain(|participant| is_chosen(&participant));
        }
        (self.select, self.min_parties) = (None, None);
        true
    }
}
