//! Parties: the registered members of the federation, and what the planner knows of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    ids::PartyId,
    labels::Labels,
    queue::{Capacity, Offer},
    time::Timestamp,
};

/// Whether a party's agent is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Liveness {
    /// Its agent is attached.
    Online,
    /// Its agent is attached, and overdue: it gets nothing new, and what it has is not touched.
    Suspect,
    /// Its agent is not attached.
    Offline,
}

/// A registered federate member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Its name, as its certificate says it.
    pub id: PartyId,
    /// The names of its data sets, as its agent last told. Paths stay with the party.
    pub datasets: Vec<String>,
    /// What it says of itself, as its agent last told.
    pub labels: Labels,
    /// The version of its agent.
    pub agent_version: String,
    /// What it offers to all runs together, as its agent last told.
    pub capacity: Capacity,
    /// The site whose machines it shares with other parties, as its agent last told.
    pub site: Option<String>,
    /// When it first attached.
    pub registered_at: Timestamp,
    /// When its agent was last heard.
    pub last_seen: Timestamp,
}

impl Party {
    /// What it can be chosen by.
    pub fn offer(&self) -> Offer {
        Offer {
            labels: self.labels.clone(),
            datasets: self.datasets.iter().cloned().collect(),
        }
    }
}

/// What the planner knows of one party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    /// Whether its agent is attached.
    pub liveness: Liveness,
    /// Since when.
    pub since: Timestamp,
}

impl Presence {
    /// Why nothing new can begin there, in words; `None` if it can.
    pub fn absence(&self) -> Option<String> {
        match self.liveness {
            Liveness::Online => None,
            Liveness::Suspect => Some(format!("silent since {}", self.since)),
            Liveness::Offline => Some(format!("offline since {}", self.since)),
        }
    }
}

/// What the planner knows of all parties; one that is missing was never there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parties(pub BTreeMap<PartyId, Presence>);

impl Parties {
    /// Why nothing new can begin at the party, in words; `None` if it can.
    pub fn absence(&self, party: &PartyId) -> Option<String> {
        match self.0.get(party) {
            Some(presence) => presence.absence(),
            None => Some("its agent has never attached".to_owned()),
        }
    }

    /// Since when the party is away; `None` if it is there, or silent only, or was never seen.
    pub fn offline_since(&self, party: &PartyId) -> Option<Timestamp> {
        self.0
            .get(party)
            .filter(|presence| presence.liveness == Liveness::Offline)
            .map(|presence| presence.since)
    }
}
