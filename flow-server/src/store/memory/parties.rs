//! Parties in memory.

use std::ops::Bound;

use flow_domain::{PartyId, Timestamp, party::Party};

use super::{Memory, StoreError};

impl Memory {
    pub(in crate::store) async fn party_seen(&self, party: &Party) -> Result<(), StoreError> {
        self.write("party_seen", |tables| {
            let mut seen = party.clone();
            if let Some(before) = tables.parties.get(&party.id) {
                seen.registered_at = before.registered_at;
            }
            tables.parties.insert(seen.id.clone(), seen);
            Ok(())
        })
        .await
    }

    pub(in crate::store) async fn party_left(&self, party: &PartyId, at: Timestamp) -> Result<(), StoreError> {
        self.write("party_left", |tables| {
            if let Some(party) = tables.parties.get_mut(party) {
                party.last_seen = at;
            }
            Ok(())
        })
        .await
    }

    pub(in crate::store) async fn party(&self, id: &PartyId) -> Result<Option<Party>, StoreError> {
        self.read("party", |tables| tables.parties.get(id).cloned()).await
    }

    pub(in crate::store) async fn parties_named(&self, ids: &[PartyId]) -> Result<Vec<Party>, StoreError> {
        self.read("parties_named", |tables| {
            let known = tables.parties.values();
            known.filter(|party| ids.contains(&party.id)).cloned().collect()
        })
        .await
    }

    pub(in crate::store) async fn parties(
        &self,
        after: Option<&PartyId>,
        limit: u64,
    ) -> Result<Vec<Party>, StoreError> {
        self.read("parties", |tables| {
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            let page = tables.parties.range::<PartyId, _>((from, Bound::Unbounded));
            page.take(usize::try_from(limit).unwrap_or(usize::MAX))
                .map(|(_, party)| party.clone())
                .collect()
        })
        .await
    }
}
