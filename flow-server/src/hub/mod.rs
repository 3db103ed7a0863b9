//! The agents that are attached, here or at other servers, and since when others are not.

mod elsewhere;
mod inbox;
mod logs;
mod places;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use flow_domain::{
    AssignmentId, PartyId, RunId, Timestamp,
    gang::Gang,
    party::{Liveness, Parties, Party, Presence},
    queue::Place,
};
use flow_proto::v1;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

pub use self::logs::LogPart;
use self::{elsewhere::Elsewhere, places::Places};
pub(crate) use self::{
    inbox::{Inbox, News},
    logs::LogReader,
};

/// How many messages to one session may wait.
const COMMANDS: usize = 64;

/// Who is attached. Shared by the link, the planner and REST.
#[derive(Debug, Default)]
pub struct Hub {
    inner: Mutex<Inner>,
    next: AtomicU64,
    came_or_went: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    sessions: BTreeMap<PartyId, Session>,
    places: Places,
    /// Numbers of sessions that are being stored, and not here yet.
    attaching: BTreeSet<u64>,
    elsewhere: Elsewhere,
    /// Who came or went since somebody asked.
    came_or_went: BTreeSet<PartyId>,
}

/// The server's end of an attached agent.
#[derive(Debug, Clone)]
struct Session {
    number: u64,
    inbox: Arc<Inbox>,
    commands: mpsc::Sender<Box<Command>>,
    end: CancellationToken,
}

/// What others ask of a session.
#[derive(Debug)]
pub(crate) enum Command {
    /// Ask the agent for a log, and pass on what it answers.
    OpenLog {
        request: u64,
        assignment: AssignmentId,
        part: LogPart,
        to: mpsc::Sender<v1::LogChunk>,
    },
    /// Nobody reads it any more.
    CloseLog { request: u64 },
}

/// What a session holds while it is attached.
#[derive(Debug)]
pub(crate) struct Attachment {
    pub(crate) party: PartyId,
    pub(crate) number: u64,
    /// What its agent is to be told.
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) commands: mpsc::Receiver<Box<Command>>,
    /// Cancelled when a newer session of the same party takes over.
    pub(crate) end: CancellationToken,
}

fn place(party: &Party, liveness: Liveness, since: Timestamp) -> Place {
    Place {
        presence: Presence { liveness, since },
        capacity: party.capacity,
        site: party.site.clone(),
        offer: Arc::new(party.offer()),
    }
}

impl Hub {
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        // Every change under this lock is complete in itself.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns at start which parties there are: all of them away since now.
    pub(crate) fn remember(&self, parties: impl IntoIterator<Item = Party>, now: Timestamp) {
        let mut inner = self.lock();
        for party in parties {
            let away = place(&party, Liveness::Offline, now);
            inner.places.change().entry(party.id).or_insert(away);
        }
    }

    /// What the planner is to know of all parties.
    pub fn parties(&self) -> Arc<Parties> {
        self.lock().places.parties()
    }

    /// The database is away.
    pub(crate) fn blind(&self, now: Timestamp) {
        self.lock().places.blind(now);
    }

    /// What the queue is to know of all parties.
    pub(crate) fn places(&self) -> BTreeMap<PartyId, Place> {
        (*self.lock().places).clone()
    }

    /// What is known of one party.
    pub fn presence(&self, party: &PartyId) -> Option<Presence> {
        self.lock().places.get(party).map(|place| place.presence)
    }

    /// How many agents are attached.
    pub fn attached(&self) -> usize {
        self.lock().sessions.len()
    }

    /// Resolves when an agent has come or gone; answers whose, each once.
    pub(crate) async fn came_or_went(&self) -> BTreeSet<PartyId> {
        self.came_or_went.notified().await;
        std::mem::take(&mut self.lock().came_or_went)
    }

    /// The number of a session that is about to attach. It ends with [`Hub::attach`] or [`Hub::abandon`].
    pub(crate) fn begin(&self) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().attaching.insert(number);
        number
    }

    /// It did not attach after all.
    pub(crate) fn abandon(&self, number: u64) {
        self.lock().attaching.remove(&number);
    }

    /// A party's agent is there. A session that it had before ends.
    pub(crate) fn attach(&self, seen: Party, number: u64, now: Timestamp) -> Attachment {
        let here = place(&seen, Liveness::Online, now);
        let party = seen.id;
        let (commands, received) = mpsc::channel(COMMANDS);
        let session = Session {
            number,
            inbox: Arc::default(),
            commands,
            end: CancellationToken::new(),
        };
        let attachment = Attachment {
            party: party.clone(),
            number: session.number,
            inbox: session.inbox.clone(),
            commands: received,
            end: session.end.clone(),
        };
        let mut inner = self.lock();
        inner.attaching.remove(&number);
        inner.elsewhere.left(&party);
        inner.places.change().insert(party.clone(), here);
        inner.came_or_went.insert(party.clone());
        if let Some(older) = inner.sessions.insert(party, session) {
            older.end.cancel();
        }
        drop(inner);
        self.came_or_went.notify_one();
        attachment
    }

    /// A session is overdue since then, or was heard again.
    pub(crate) fn heard(&self, party: &PartyId, number: u64, liveness: Liveness, since: Timestamp) {
        let mut inner = self.lock();
        if inner.sessions.get(party).is_none_or(|session| session.number != number) {
            return;
        }
        if let Some(place) = inner.places.change().get_mut(party) {
            place.presence = Presence { liveness, since };
        }
        inner.came_or_went.insert(party.clone());
        drop(inner);
        self.came_or_went.notify_one();
    }

    /// A session ended; false if a newer one of the same party goes on.
    pub(crate) fn detach(&self, party: &PartyId, number: u64, now: Timestamp) -> bool {
        let mut inner = self.lock();
        if inner.sessions.get(party).is_none_or(|session| session.number != number) {
            return false;
        }
        inner.sessions.remove(party);
        if let Some(place) = inner.places.change().get_mut(party) {
            place.presence = Presence {
                liveness: Liveness::Offline,
                since: now,
            };
        }
        inner.came_or_went.insert(party.clone());
        drop(inner);
        self.came_or_went.notify_one();
        true
    }

    /// A run in which the party has a part has changed, to this; what is not given is in the store.
    pub(crate) fn tell(&self, party: &PartyId, run: RunId, gang: Option<Arc<Gang>>) {
        #[cfg(feature = "sabotage")]
        if crate::sabotage::drops_message() {
            return;
        }
        if let Some(session) = self.lock().sessions.get(party) {
            session.inbox.put(run, gang);
        }
    }
}
