//! The store in memory: for the simulation, which has no thread for a database and no time that it would know of.
//!
//! It answers as the other one does, and passes the same suite (`tests/store`). Each call is one step under one lock; what lies
//! between a server and its database is a [`Wire`], which may be slow, break before a call, or lose its answer.

mod document;
mod documents;
mod gangs;
mod keys;
mod parties;
mod shared;
mod wire;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use flow_domain::{
    PartyId, RunId, TaskId, Template, TemplateId,
    gang::{Event, Gang},
    party::Party,
    task::Task,
};

use self::{gangs::Stored, keys::Keys, shared::Shared};
use super::{Claim, Created, Loaded, Queue, RunFilter, StoreError, StoredEvent, shared::ServerId};

pub use self::wire::{Call, Direct, Wire, away};

/// What is told of each change of a run, in the moment in which it is made.
#[derive(Debug, Clone, Copy)]
pub struct Commit<'a> {
    /// The gang before; `None` of a run that was just accepted.
    pub before: Option<&'a Gang>,
    /// The gang from now on.
    pub after: &'a Gang,
    /// The events that were stored with it.
    pub events: &'a [Event],
}

type Watch = dyn Fn(Commit<'_>) + Send + Sync;
type Time = dyn Fn() -> i64 + Send + Sync;

/// A store in memory, as one server reaches it. Clones share what is stored.
#[derive(Clone)]
pub struct Memory {
    tables: Arc<Mutex<Tables>>,
    watch: Arc<Watch>,
    wire: Arc<dyn Wire>,
    /// The database's own time, in microseconds; only where several servers may use it.
    time: Option<Arc<Time>>,
    me: Option<ServerId>,
}

#[derive(Debug, Default)]
struct Tables {
    templates: BTreeMap<TemplateId, Template>,
    tasks: BTreeMap<TaskId, Task>,
    runs: BTreeMap<RunId, Stored>,
    parties: BTreeMap<PartyId, Party>,
    /// What was known under another id before: by kind and that id.
    aliases: BTreeMap<(String, String), String>,
    keys: Keys,
    shared: Shared,
}

impl Default for Memory {
    fn default() -> Self {
        Self::watched(|_| {})
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Memory {
    /// An empty store. `watch` is told of every change of a run while nobody else can see or change anything; it must not call
    /// the store.
    #[must_use]
    pub fn watched(watch: impl Fn(Commit<'_>) + Send + Sync + 'static) -> Self {
        Self {
            tables: Arc::default(),
            watch: Arc::new(watch),
            wire: Arc::new(Direct),
            time: None,
            me: None,
        }
    }

    /// One that several servers may use. `time` is the database's own, in microseconds.
    #[must_use]
    pub fn shared(self, time: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self {
            time: Some(Arc::new(time)),
            ..self
        }
    }

    /// The same store, reached by another way.
    #[must_use]
    pub fn through(&self, wire: Arc<dyn Wire>) -> Self {
        Self { wire, ..self.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        // Every change under this lock is complete in itself.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read<T>(&self, name: &'static str, work: impl FnOnce(&Tables) -> T + Send) -> Result<T, StoreError> {
        let call = Call { name, writes: false };
        self.wire.before(call).await?;
        let found = work(&self.lock());
        self.wire.after(call).await?;
        Ok(found)
    }

    /// A change that is made whole or, where it answers with an error, not at all.
    async fn write<T, E: From<StoreError>>(
        &self,
        name: &'static str,
        work: impl FnOnce(&mut Tables) -> Result<T, E> + Send,
    ) -> Result<T, E> {
        let call = Call { name, writes: true };
        self.wire.before(call).await?;
        let done = work(&mut self.lock());
        self.wire.after(call).await?;
        done
    }

    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        self.read("ping", |_| ()).await
    }
}
