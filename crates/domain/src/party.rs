//! Parties: the registered members of the federation, and what the planner knows of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ids::PartyId, time::Timestamp};

/// Whether a party's agent is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Liveness {
    /// Its agent is attached.
    Online,
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
    /// The version of its agent.
    pub agent_version: String,
    /// When it first attached.
    pub registered_at: Timestamp,
    /// When its agent was last heard.
    pub last_seen: Timestamp,
}

/// What the planner knows of one party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    /// Whether its agent is attached.
    pub liveness: Liveness,
    /// Since when.
    pub since: Timestamp,
}

/// What the planner knows of all parties; one that is missing was never there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parties(pub BTreeMap<PartyId, Presence>);

impl Parties {
    /// Whether the party's agent is attached.
    pub fn is_online(&self, party: &PartyId) -> bool {
        self.0
            .get(party)
            .is_some_and(|presence| presence.liveness == Liveness::Online)
    }

    /// Since when the party is away; `None` if it is there, or was never seen.
    pub fn offline_since(&self, party: &PartyId) -> Option<Timestamp> {
        self.0
            .get(party)
            .filter(|presence| presence.liveness == Liveness::Offline)
            .map(|presence| presence.since)
    }
}
