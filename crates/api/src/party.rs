//! Parties as the API shows them.

use flow_domain::{PartyId, Timestamp, party::Liveness};
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
    /// The version of its agent.
    pub agent_version: String,
    /// When it first attached.
    pub registered_at: Timestamp,
}
