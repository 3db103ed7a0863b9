//! Parties as `/api/v1` shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FederateView {
    /// Its id.
    pub id: String,
    /// Its name: the id again.
    pub name: String,
}

/// One page of parties.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FederatesView {
    /// The parties of this page.
    pub federates: Vec<FederateView>,
    /// How many there are on all pages.
    pub federate_count: u64,
}
