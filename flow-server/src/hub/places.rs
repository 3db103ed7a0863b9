//! What is known of all parties, and what the planner is to know of that.

use std::{collections::BTreeMap, ops::Deref, sync::Arc};

use flow_domain::{
    PartyId, Timestamp,
    party::{Liveness, Parties, Presence},
    queue::Place,
};

/// All parties that were ever there.
#[derive(Debug, Default)]
pub(super) struct Places {
    all: BTreeMap<PartyId, Place>,
    /// When it was last seen that the database is away.
    blind_at: Timestamp,
    /// For the planner: made once for all who ask, until something changes.
    parties: Option<Arc<Parties>>,
}

impl Deref for Places {
    type Target = BTreeMap<PartyId, Place>;

    fn deref(&self) -> &Self::Target {
        &self.all
    }
}

impl Places {
    /// To change what is known.
    pub(super) fn change(&mut self) -> &mut BTreeMap<PartyId, Place> {
        self.parties = None;
        &mut self.all
    }

    /// The database is away.
    pub(super) fn blind(&mut self, now: Timestamp) {
        self.parties = None;
        self.blind_at = now;
    }

    /// What the planner is to know of all parties.
    pub(super) fn parties(&mut self) -> Arc<Parties> {
        let blind_at = self.blind_at;
        // While the database is away nobody can attach anew: that counts against none of them.
        let seen = |presence: Presence| Presence {
            since: match presence.liveness {
                Liveness::Offline => presence.since.max(blind_at),
                _ => presence.since,
            },
            ..presence
        };
        let made = self.parties.get_or_insert_with(|| {
            let places = self.all.iter();
            let seen = places.map(|(party, place)| (party.clone(), seen(place.presence)));
            Arc::new(Parties(seen.collect()))
        });
        made.clone()
    }
}
