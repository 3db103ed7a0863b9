//! Parties as the API shows them.

use std::collections::BTreeMap;

use flow_domain::{PartyId, Timestamp, party::Liveness, queue::Capacity};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A registered member of the federation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PartyView {
    /// Its name, as its certificate says it.
    pub id: PartyId,
    /// Whether its agent is attached.
    pub liveness: Liveness,
    /// Since when.
    pub since: Timestamp,
    /// The names of its data sets, as its agent last told.
    pub datasets: Vec<String>,
    /// What it says of itself, as its agent last told.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What it offers to all runs together, as its agent last told.
    pub capacity: Capacity,
    /// The site whose machines it shares with other parties, as its agent last told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// The version of its agent.
    pub agent_version: String,
    /// When it first attached.
    pub registered_at: Timestamp,
}
