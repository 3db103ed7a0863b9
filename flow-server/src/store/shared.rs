//! What several servers on one database know of each other through it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
    time::Duration,
};

use flow_domain::{PartyId, RunId, gang::Gang, party::Presence};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::parties_to_tell;

/// For how long a lease is held without being renewed, and after how long in silence a server is gone.
pub const TERM: Duration = Duration::from_secs(5);

/// Names a server; drawn at every start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerId(pub Uuid);

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

impl FromStr for ServerId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

/// A session of an agent: the server it is attached to, and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionId {
    /// The server.
    pub server: ServerId,
    /// Its number there.
    pub number: u64,
}

/// The newest session of a party's agent, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The party.
    pub party: PartyId,
    /// The session.
    pub session: SessionId,
    /// Whether it lives.
    pub presence: Presence,
}

/// A sign of life, and what the server would like to be the one to do.
#[derive(Debug, Clone)]
pub struct Beat {
    /// The server.
    pub server: ServerId,
    /// Where other servers reach it.
    pub address: String,
    /// The leases that it wants.
    pub wants: Vec<&'static str>,
    /// Whether it has just started: an earlier life of it at the same address, if it names one, is over then.
    pub first: bool,
}

/// What a sign of life is answered with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beaten {
    /// The store's time, in microseconds since the Unix epoch.
    pub time: i64,
    /// The leases that this server holds for a [`TERM`] from now on, with their epochs.
    pub leases: BTreeMap<String, u64>,
    /// The other servers that have given a sign of life within the last [`TERM`], and where they are reached.
    pub others: BTreeMap<ServerId, String>,
}

/// A lease that a change is made under: if another server has taken it over since, the change is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// The lease's name.
    pub lease: &'static str,
    /// Its epoch.
    pub epoch: u64,
}

/// What a server tells the others, in the transaction that it tells of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// A run was changed.
    Run {
        /// Which.
        run: RunId,
        /// The parties whose desired set it changes.
        parties: BTreeSet<PartyId>,
        /// Whether the queue has something to decide.
        queue: bool,
    },
    /// A party's agent came or went.
    Party(PartyId),
}

impl Notice {
    /// Of a change of a gang; `None` if nobody else needs to know.
    pub(in crate::store) fn of(before: &Gang, after: &Gang, events: usize) -> Option<Self> {
        let parties = parties_to_tell(before, after);
        let queue = wants_queue(before, after);
        (queue || events > 0 || !parties.is_empty()).then_some(Self::Run {
            run: after.run.id,
            parties,
            queue,
        })
    }
}

/// Whether a change leaves something for the queue to decide: one more that waits, or room.
pub(crate) fn wants_queue(before: &Gang, after: &Gang) -> bool {
    let standing = |gang: &Gang| (gang.run.is_waiting(), gang.run.is_taking());
    standing(before) != standing(after) && !after.run.is_taking()
}

/// A notice with its number and who wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noticed {
    /// Later ones have greater numbers; there may be gaps, and one may appear after a greater one.
    pub number: u64,
    /// Who wrote it.
    pub by: ServerId,
    /// What it says; `None` if a newer server wrote it and this one does not understand it.
    pub notice: Option<Notice>,
}
