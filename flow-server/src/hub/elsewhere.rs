//! Agents that are attached to other servers on the same database.

use std::collections::{BTreeMap, BTreeSet};

use flow_domain::{
    PartyId, Timestamp,
    party::{Liveness, Party, Presence},
};
use tokio::time::Instant;

use super::{Hub, Inner, place};
use crate::store::shared::{Attached, ServerId, SessionId, TERM};

/// What is known of other servers.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    /// Those that live, and where they are reached.
    servers: BTreeMap<ServerId, String>,
    /// Where a party's agent is attached, and since when that is known here.
    homes: BTreeMap<PartyId, (SessionId, Instant)>,
    /// Until then no server is taken for gone.
    forgiven_until: Option<Instant>,
}

impl Elsewhere {
    /// The party's agent is not at another server any more.
    pub(super) fn left(&mut self, party: &PartyId) {
        self.homes.remove(party);
    }
}

impl Hub {
    /// Those of them that were not known to live.
    pub(crate) fn unknown(&self, others: &BTreeMap<ServerId, String>) -> BTreeSet<ServerId> {
        let inner = self.lock();
        let known = &inner.elsewhere.servers;
        others.keys().filter(|id| !known.contains_key(id)).copied().collect()
    }

    /// These other servers live. Whose agents' server is gone is offline from now on.
    pub(crate) fn servers(&self, others: BTreeMap<ServerId, String>, now: Timestamp) {
        let at = Instant::now();
        let mut inner = self.lock();
        let Inner { elsewhere, places, .. } = &mut *inner;
        elsewhere.servers = others;
        if elsewhere.forgiven_until.is_some_and(|until| at < until) {
            return;
        }
        let servers = &elsewhere.servers;
        // Who has just begun may not have given a sign of life yet.
        let gone = |(session, since): &(SessionId, Instant)| {
            !servers.contains_key(&session.server) && at.duration_since(*since) >= TERM
        };
        let mut lost = Vec::new();
        elsewhere.homes.retain(|party, home| {
            let gone = gone(home);
            if gone {
                lost.push(party.clone());
            }
            !gone
        });
        for party in &lost {
            if let Some(place) = places.change().get_mut(party)
                && place.presence.liveness != Liveness::Offline
            {
                tracing::info!(%party, "its agent's server is gone");
                place.presence = Presence {
                    liveness: Liveness::Offline,
                    since: now,
                };
            }
        }
        let any = !lost.is_empty();
        inner.came_or_went.extend(lost);
        drop(inner);
        if any {
            self.came_or_went.notify_one();
        }
    }

    /// The store was away: until then, who is silent is not gone for that.
    pub(crate) fn forgive(&self, until: Instant) {
        self.lock().elsewhere.forgiven_until = Some(until);
    }

    /// What a party's agent told another server.
    pub(crate) fn learned(&self, party: &Party) {
        let mut inner = self.lock();
        let known = inner.places.get(&party.id).map(|place| place.presence);
        let presence = known.unwrap_or(Presence {
            liveness: Liveness::Offline,
            since: party.last_seen,
        });
        let learned = place(party, presence.liveness, presence.since);
        inner.places.change().insert(party.id.clone(), learned);
    }

    /// The newest session of a party's agent, as the store has it. One that it had here before ends if that is elsewhere.
    pub(crate) fn known(&self, attached: Attached, me: ServerId) {
        let Attached {
            party,
            session,
            presence,
        } = attached;
        if session.server == me {
            return;
        }
        let mut inner = self.lock();
        if let Some(older) = inner.sessions.remove(&party) {
            older.end.cancel();
        }
        let Some(place) = inner.places.change().get_mut(&party) else {
            return;
        };
        place.presence = presence;
        if presence.liveness == Liveness::Offline {
            inner.elsewhere.homes.remove(&party);
        } else {
            inner.elsewhere.homes.insert(party.clone(), (session, Instant::now()));
        }
        inner.came_or_went.insert(party);
        drop(inner);
        self.came_or_went.notify_one();
    }

    /// What the store should say of a session of this server's, if it says something else.
    pub(crate) fn correction(&self, said: &Attached, me: ServerId, now: Timestamp) -> Option<Attached> {
        let inner = self.lock();
        if said.session.server != me || inner.attaching.contains(&said.session.number) {
            return None;
        }
        let here = inner.sessions.get(&said.party);
        let here = here.filter(|session| session.number == said.session.number);
        let presence = match here.and_then(|_| inner.places.get(&said.party)) {
            Some(place) => place.presence,
            None => Presence {
                liveness: Liveness::Offline,
                since: now,
            },
        };
        (presence.liveness != said.presence.liveness).then(|| Attached {
            presence,
            ..said.clone()
        })
    }

    /// Everybody's desired set may have changed, and anybody may have come or gone.
    pub(crate) fn tell_all(&self) {
        let mut inner = self.lock();
        for session in inner.sessions.values() {
            session.inbox.put_everything();
        }
        let everybody: Vec<PartyId> = inner.places.keys().cloned().collect();
        inner.came_or_went.extend(everybody);
        drop(inner);
        self.came_or_went.notify_one();
    }

    /// Where the server is reached that the party's agent is attached to, if that is another one.
    pub(crate) fn home(&self, party: &PartyId) -> Option<String> {
        let inner = self.lock();
        let (session, _) = inner.elsewhere.homes.get(party)?;
        inner.elsewhere.servers.get(&session.server).cloned()
    }
}
