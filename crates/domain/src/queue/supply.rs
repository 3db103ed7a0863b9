//! What there is: parties with their agents, and sites that several parties share.

use std::collections::BTreeMap;

use super::{Capacity, Demand};
use crate::{ids::PartyId, party::Presence};

/// What is known of one party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Whether its agent is there.
    pub presence: Presence,
    /// What it offers.
    pub capacity: Capacity,
    /// The site whose machines it shares with other parties.
    pub site: Option<String>,
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
