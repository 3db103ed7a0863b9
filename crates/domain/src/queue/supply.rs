//! What there is: parties with their agents, and sites that several parties share.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Capacity, Criteria, Demand};
use crate::{ids::PartyId, labels::Labels, party::Presence};

/// What is known of one party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Whether its agent is there.
    pub presence: Presence,
    /// What it offers.
    pub capacity: Capacity,
    /// The site whose machines it shares with other parties.
    pub site: Option<String>,
    /// What it can be chosen by.
    pub offer: Arc<Offer>,
}

/// What a party can be chosen by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offer {
    /// What it says of itself.
    pub labels: Labels,
    /// The names of its data sets.
    pub datasets: BTreeSet<String>,
}

impl Offer {
    /// What it lacks of what is asked for, in words; `None` if nothing.
    pub fn lacks(&self, criteria: &Criteria) -> Option<String> {
        let missing = criteria
            .labels
            .iter()
            .find(|(key, value)| self.labels.get(*key) != Some(value));
        if let Some((key, value)) = missing {
            return Some(match self.labels.get(key) {
                Some(other) => format!("has label {key}={other}, not {key}={value}"),
                None => format!("has no label {key}={value}"),
            });
        }
        let dataset = criteria.dataset.as_ref()?;
        (!self.datasets.contains(dataset)).then(|| format!("has no data set '{dataset}'"))
    }
}

/// All parties that were ever there, and the sites that have a capacity of their own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Supply {
    /// By name.
    pub parties: BTreeMap<PartyId, Place>,
    /// By name. A site that is not here has no limit beyond its parties'.
    pub sites: BTreeMap<String, Capacity>,
}

/// What live attempts have taken, by party.
pub type Taken = BTreeMap<PartyId, Demand>;
