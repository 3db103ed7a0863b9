//! This server among others on the same database: gives signs of life, and hears of what others change.
//!
//! A notice is written in the transaction that it tells of, so none is lost with a server; every server looks for new ones ten times a
//! second. Whoever was away for long looks at everything anew.

mod cursor;
mod leases;
mod peers;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use flow_daemon::{ambient::Clock, error::chain, shutdown::Shutdown};
use flow_domain::PartyId;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use self::cursor::Cursor;
pub(crate) use self::leases::{CENTER, Leases, PLANNER};
pub use self::peers::Peers;
use crate::{
    engine::Engine,
    hub::Hub,
    store::{
        Store, StoreError,
        shared::{Beat, Notice, ServerId, TERM},
    },
};

/// How often a sign of life is given, and new notices are looked for.
const BEAT: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(100);

/// How long notices are kept for those who did not look; who did not for half of that looks at everything anew.
const KEPT: Duration = Duration::from_secs(120);

/// How often a server makes sure that what it has said of its own agents is so.
const SETTLE: Duration = Duration::from_secs(10);

/// This server among others.
#[derive(Debug, Clone)]
pub(crate) struct Replica {
    pub(crate) id: ServerId,
    pub(crate) store: Store,
    pub(crate) hub: Arc<Hub>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) leases: Arc<Leases>,
    /// All servers go by the store's time, so that what one has noted down the other can count from.
    pub(crate) clock: Clock,
    /// Where other servers reach this one's link.
    pub(crate) address: String,
    /// Whether it would host the center's agent.
    pub(crate) center: bool,
}

impl Replica {
    /// Makes itself known and learns who is attached where, then goes on until `shutdown`.
    ///
    /// # Errors
    /// If the store does not answer.
    pub(crate) async fn start(self, shutdown: &Shutdown) -> Result<(), StoreError> {
        let cursor = Cursor::at(self.store.newest_notice().await?);
        let time = self.beat(true).await?;
        self.clock.start_at(time);
        self.look_around().await?;
        let end = shutdown.token.clone();
        shutdown.tracker.spawn(self.clone().live(end.clone()));
        shutdown.tracker.spawn(self.listen(cursor, end));
        Ok(())
    }

    /// A sign of life; answers the store's time.
    async fn beat(&self, first: bool) -> Result<i64, StoreError> {
        let mut wants = vec![PLANNER];
        wants.extend(self.center.then_some(CENTER));
        let beat = Beat {
            server: self.id,
            address: self.address.clone(),
            wants,
            first,
        };
        let asked_at = Instant::now();
        let beaten = self.store.beat(&beat).await?;
        self.leases.granted(&beaten.leases, asked_at);
        let back = self.hub.unknown(&beaten.others);
        if !back.is_empty() {
            // Its agents were taken for gone with it, and it will not say again that they are there.
            for attached in self.store.presences(None).await? {
                if back.contains(&attached.session.server) {
                    self.hub.known(attached, self.id);
                }
            }
        }
        self.hub.servers(beaten.others, self.engine.now());
        Ok(beaten.time)
    }

    /// Gives signs of life. At its end others may take over at once.
    async fn live(self, end: CancellationToken) {
        let mut tick = tokio::time::interval(BEAT);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut settled_at = Instant::now();
        loop {
            tokio::select! {
                () = end.cancelled() => break,
                _ = tick.tick() => {}
            }
            let began = Instant::now();
            let beaten = self.beat(false).await;
            if let Ok(time) = &beaten {
                self.clock.follow(*time);
            }
            if let Err(error) = beaten {
                tracing::warn!(error = %chain(&error), "cannot give a sign of life; trying again");
                // The others could not either: they are not gone for that.
                self.hub.forgive(Instant::now() + TERM);
                self.hub.blind(self.engine.now());
                continue;
            }
            if began.duration_since(settled_at) >= SETTLE {
                settled_at = began;
                if let Err(error) = self.settle().await {
                    tracing::warn!(error = %chain(&error), "cannot look at who is attached where; trying again");
                }
            }
        }
        if let Err(error) = self.store.leave(self.id).await {
            tracing::warn!(error = %chain(&error), "cannot say good-bye; others take over when the leases end");
        }
    }

    /// Who is attached where, from the beginning.
    async fn look_around(&self) -> Result<(), StoreError> {
        for attached in self.store.presences(None).await? {
            self.hub.known(attached, self.id);
        }
        Ok(())
    }

    /// Makes sure that what the store says of this server's agents is so: a word may have been lost while the database was away.
    async fn settle(&self) -> Result<(), StoreError> {
        for attached in self.store.presences(None).await? {
            if let Some(truth) = self.hub.correction(&attached, self.id, self.engine.now()) {
                self.store.heard(&truth).await?;
            }
        }
        Ok(())
    }

    /// Hears what others have changed. A store that is away is asked again, less and less often.
    async fn listen(self, mut cursor: Cursor, end: CancellationToken) {
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard_at = Instant::now();
        // Who is to be looked at yet: a notice is read once, and what it says may take several tries.
        let mut parties = BTreeSet::new();
        loop {
            tokio::select! {
                () = end.cancelled() => return,
                _ = tick.tick() => {}
            }
            let began = Instant::now();
            match self.hear(&mut cursor, &mut parties).await {
                Ok(()) => {
                    if began.duration_since(heard_at) > KEPT / 2 {
                        tracing::info!("heard nothing of the other servers for long; looking at everything anew");
                        self.hub.tell_all();
                        if let Err(error) = self.look_around().await {
                            tracing::warn!(error = %chain(&error), "cannot look who is attached where");
                            continue;
                        }
                    }
                    heard_at = began;
                }
                Err(error) => {
                    tracing::warn!(error = %chain(&error), "cannot hear the other servers; trying again");
                    tick.reset_after(BEAT);
                }
            }
        }
    }

    async fn hear(&self, cursor: &mut Cursor, parties: &mut BTreeSet<PartyId>) -> Result<(), StoreError> {
        let now = Instant::now();
        let found = self.store.notices(cursor.newest(), &cursor.missing()).await?;
        for noticed in cursor.take(found, now) {
            if noticed.by == self.id {
                continue;
            }
            match noticed.notice {
                Some(Notice::Run {
                    run,
                    parties: told,
                    queue,
                }) => self.engine.heard(run, &told, queue),
                Some(Notice::Party(party)) => drop(parties.insert(party)),
                None => {}
            }
        }
        while let Some(party) = parties.first().cloned() {
            if let Some(known) = self.store.party(&party).await? {
                for attached in self.store.presences(Some(&party)).await? {
                    self.hub.learned(&known);
                    self.hub.known(attached, self.id);
                }
            }
            parties.remove(&party);
        }
        if self.leases.hold(PLANNER).is_some()
            && let Some(old) = cursor.older_than(KEPT, now)
        {
            self.store.forget_notices(old).await?;
        }
        Ok(())
    }
}
