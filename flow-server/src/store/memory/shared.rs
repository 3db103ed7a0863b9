//! Several servers on one store in memory.

use std::collections::BTreeMap;

use flow_domain::PartyId;

use super::{Memory, Tables};
use crate::store::{
    StoreError,
    shared::{Attached, Beat, Beaten, Fence, Notice, Noticed, ServerId, TERM},
};

/// The most notices that are read at a time.
const NOTICES: usize = 1000;

/// What servers know of each other.
#[derive(Debug, Default)]
pub(super) struct Shared {
    servers: BTreeMap<ServerId, Server>,
    leases: BTreeMap<String, Lease>,
    presences: BTreeMap<PartyId, Attached>,
    notices: BTreeMap<u64, (ServerId, Notice)>,
    newest: u64,
}

#[derive(Debug)]
struct Server {
    address: String,
    seen_at: i64,
}

#[derive(Debug, Default)]
struct Lease {
    holder: Option<ServerId>,
    epoch: u64,
    until: i64,
}

fn term() -> i64 {
    i64::try_from(TERM.as_micros()).unwrap_or(i64::MAX)
}

impl Shared {
    fn beat(&mut self, beat: &Beat, now: i64) -> Beaten {
        if beat.first && !beat.address.is_empty() {
            let before = self.servers.iter();
            let before = before.filter(|(id, server)| **id != beat.server && server.address == beat.address);
            let before: Vec<ServerId> = before.map(|(id, _)| *id).collect();
            for id in before {
                self.leave(id);
            }
        }
        let me = Server {
            address: beat.address.clone(),
            seen_at: now,
        };
        self.servers.insert(beat.server, me);
        for name in &beat.wants {
            let lease = self.leases.entry((*name).to_owned()).or_default();
            let own = lease.holder == Some(beat.server);
            if own || lease.until < now {
                lease.epoch += u64::from(!own);
                lease.holder = Some(beat.server);
                lease.until = now + term();
            }
        }
        let held = self
            .leases
            .iter()
            .filter(|(_, lease)| lease.holder == Some(beat.server) && lease.until > now);
        let others = self
            .servers
            .iter()
            .filter(|(id, server)| **id != beat.server && server.seen_at > now - term());
        Beaten {
            time: now,
            leases: held.map(|(name, lease)| (name.clone(), lease.epoch)).collect(),
            others: others.map(|(id, server)| (*id, server.address.clone())).collect(),
        }
    }

    fn leave(&mut self, server: ServerId) {
        let held = self.leases.values_mut().filter(|lease| lease.holder == Some(server));
        held.for_each(|lease| lease.until = 0);
        self.servers.remove(&server);
    }

    /// Refuses if the lease is another server's by now.
    pub(super) fn check(&self, me: Option<ServerId>, fence: &Fence) -> Result<(), StoreError> {
        let held = |lease: &&Lease| lease.holder == me && lease.epoch == fence.epoch;
        match self.leases.get(fence.lease).filter(held) {
            Some(_) => Ok(()),
            None => Err(StoreError::TakenOver(fence.lease)),
        }
    }

    /// Writes a notice, if there may be others to read it.
    pub(super) fn note(&mut self, me: Option<ServerId>, notice: Notice) {
        if let Some(me) = me {
            self.newest += 1;
            self.notices.insert(self.newest, (me, notice));
        }
    }
}

impl Memory {
    /// Whether several servers may use it.
    pub(in crate::store) fn is_shared(&self) -> bool {
        self.time.is_some()
    }

    pub(in crate::store) fn used_by(self, server: ServerId) -> Self {
        Self {
            me: Some(server),
            ..self
        }
    }

    fn now(&self) -> i64 {
        self.time.as_ref().map(|time| time()).unwrap_or_default()
    }

    pub(in crate::store) async fn beat(&self, beat: &Beat) -> Result<Beaten, StoreError> {
        self.write("beat", |Tables { shared, .. }| Ok(shared.beat(beat, self.now())))
            .await
    }

    pub(in crate::store) async fn leave(&self, server: ServerId) -> Result<(), StoreError> {
        self.write("leave", |Tables { shared, .. }| {
            shared.leave(server);
            Ok(())
        })
        .await
    }

    pub(in crate::store) async fn attached(&self, attached: &Attached) -> Result<(), StoreError> {
        self.write("attached", |Tables { shared, .. }| {
            shared.presences.insert(attached.party.clone(), attached.clone());
            shared.note(self.me, Notice::Party(attached.party.clone()));
            Ok(())
        })
        .await
    }

    pub(in crate::store) async fn heard(&self, attached: &Attached) -> Result<bool, StoreError> {
        self.write("heard", |Tables { shared, .. }| {
            let known = shared.presences.get_mut(&attached.party);
            let known = known.filter(|known| known.session == attached.session);
            let is_newest = known.map(|known| known.presence = attached.presence).is_some();
            shared.note(self.me, Notice::Party(attached.party.clone()));
            Ok(is_newest)
        })
        .await
    }

    pub(in crate::store) async fn presences(&self, party: Option<&PartyId>) -> Result<Vec<Attached>, StoreError> {
        self.read("presences", |Tables { shared, .. }| {
            let all = shared.presences.values();
            all.filter(|attached| party.is_none_or(|party| attached.party == *party))
                .cloned()
                .collect()
        })
        .await
    }

    pub(in crate::store) async fn notices(&self, after: u64, missing: &[u64]) -> Result<Vec<Noticed>, StoreError> {
        self.read("notices", |Tables { shared, .. }| {
            let wanted = |number: &u64| *number > after || missing.contains(number);
            let found = shared.notices.iter().filter(|(number, _)| wanted(number));
            found
                .take(NOTICES)
                .map(|(number, (by, notice))| Noticed {
                    number: *number,
                    by: *by,
                    notice: Some(notice.clone()),
                })
                .collect()
        })
        .await
    }

    pub(in crate::store) async fn newest_notice(&self) -> Result<u64, StoreError> {
        self.read("newest_notice", |Tables { shared, .. }| {
            shared.notices.keys().next_back().copied().unwrap_or_default()
        })
        .await
    }

    pub(in crate::store) async fn forget_notices(&self, up_to: u64) -> Result<(), StoreError> {
        let now = self.now();
        self.write("forget_notices", |Tables { shared, .. }| {
            shared.notices.retain(|number, _| *number > up_to);
            shared.servers.retain(|_, server| server.seen_at >= now - 100 * term());
            Ok(())
        })
        .await
    }
}
