//! The journal: the party's own record of what was asked of it, and what became of that. It survives restarts of the agent
//! and the clearing away of jobs: what ran here, on which data set, by whose wish, and how it ended.
//!
//! Noting is never in the way. Notes go into a bounded queue, and one task writes them, a batch in each transaction. A database that is
//! away stops no job and no report; the queue waits for it, and gives up what is least worth keeping when it is full.

mod entry;
mod error;
mod memory;
mod note;
mod noting;
mod open;
mod queue;
mod retained;
mod sql;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use flow_daemon::{
    ambient::{Ambient, Clock},
    error::chain,
};
use flow_database::SoleUse;
use flow_domain::{AssignmentId, PartyId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::task::JoinHandle;

use self::{
    entry::Standing,
    open::Opening,
    queue::Queue,
    retained::Retained,
    sql::{Sql, is_shared},
    writer::Writer,
};
pub use self::{
    entry::{After, Asked, Entry, Filter, JournalEvent, What},
    error::JournalError,
    memory::Memory,
};

/// How long is waited at the end for a database that takes nothing of what is not written yet.
const DRAIN: Duration = Duration::from_secs(5);

/// How often that is begun anew as it does take some of it: less time in all than a pod has for its end.
const DRAINS: usize = 4;

/// Where the journal is kept, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournalConfig {
    /// `sqlite://…` or `mysql://…`; SQLite in the data folder if empty.
    pub url: String,
    /// How many assignments it keeps; the oldest that have ended make room.
    pub keep: usize,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            keep: 10_000,
        }
    }
}

/// A party's journal. Cheap to clone. With the last clone it ends at once, as in a crash; [`close`](Self::close) writes the rest.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    kept: Kept,
    keep: usize,
    clock: Clock,
    retained: Arc<Mutex<Retained>>,
}

enum Kept {
    InDatabase(InDatabase),
    InMemory(Memory),
}

struct InDatabase {
    queue: Arc<Queue>,
    /// The database, once it was reached.
    reached: Arc<OnceLock<Sql>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    sole_use: Mutex<Option<SoleUse>>,
}

impl Drop for InDatabase {
    fn drop(&mut self) {
        if let Some(writer) = lock(&self.writer).take() {
            writer.abort();
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change under these locks is complete in itself.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What both can be asked, each in its way.
macro_rules! both {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $out:ty;)*) => {
        impl Journal {
            $($(#[$doc])* pub async fn $name(&self, $($arg: $type),*) -> Result<$out, JournalError> {
                match &self.0.kept {
                    Kept::InDatabase(at) => at.reached.get().ok_or(JournalError::Away)?.$name($($arg),*).await,
                    Kept::InMemory(memory) => memory.$name($($arg),*).await,
                }
            })*
        }
    };
}

both! {
    /// Assignments, newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    fn assignments(filter: &Filter, limit: u64) -> Vec<Entry>;

    /// One assignment.
    ///
    /// # Errors
    /// If the database does not answer.
    fn assignment(id: AssignmentId) -> Option<Entry>;

    /// What was asked in one assignment, in full; none if that is not known.
    ///
    /// # Errors
    /// If the database does not answer.
    fn spec(id: AssignmentId) -> Option<Value>;

    /// An assignment's events after the one of that number, oldest first.
    ///
    /// # Errors
    /// If the database does not answer.
    fn events(id: AssignmentId, after: u64, limit: u64) -> Vec<JournalEvent>;
}

impl Journal {
    /// Opens a party's journal, of an agent with its files under `data`, for a program of that name. A MySQL database may be away: it
    /// is waited for while the agent works.
    ///
    /// # Errors
    /// If the database cannot be used, or another process uses that file.
    pub async fn open(
        config: &JournalConfig,
        party: &PartyId,
        data: &Path,
        program: &'static str,
        ambient: &Ambient,
    ) -> Result<Self, JournalError> {
        let opening = Opening::of(config, party, data);
        let sole_use = SoleUse::of(&opening.url, program)?;
        let (reached, mut retained) = (OnceLock::new(), Retained::new(config.keep));
        match opening.open().await {
            Ok((sql, ended)) => {
                retained.earlier(ended);
                reached.get_or_init(|| sql);
            }
            Err(error) if is_shared(&opening.url) && error.is_away() => {
                tracing::warn!(error = %chain(&error), "the journal's database is away; jobs run without it");
            }
            Err(error) => return Err(error),
        }
        let (queue, reached) = (Arc::new(Queue::default()), Arc::new(reached));
        let retained = Arc::new(Mutex::new(retained));
        let writer = Writer {
            queue: queue.clone(),
            opening,
            reached: reached.clone(),
            retained: retained.clone(),
            chance: ambient.chance.clone(),
        };
        let at = InDatabase {
            queue,
            reached,
            writer: Mutex::new(Some(tokio::spawn(writer.run()))),
            sole_use: Mutex::new(Some(sole_use)),
        };
        Ok(Self(Arc::new(Inner {
            kept: Kept::InDatabase(at),
            keep: config.keep,
            clock: ambient.clock.clone(),
            retained,
        })))
    }

    /// A journal in memory.
    #[must_use]
    pub fn in_memory(memory: Memory, ambient: &Ambient) -> Self {
        let keep = JournalConfig::default().keep;
        let mut retained = Retained::new(keep);
        retained.earlier(memory.standing(Standing::Kept));
        Self(Arc::new(Inner {
            kept: Kept::InMemory(memory),
            keep,
            clock: ambient.clock.clone(),
            retained: Arc::new(Mutex::new(retained)),
        }))
    }

    /// For tests that forget.
    #[cfg(test)]
    fn set_keep(&mut self, keep: usize) {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.keep = keep;
        }
    }

    /// Writes what is not written yet, as far as the database takes it within some seconds, and lets go of the database. What is noted after
    /// that is lost.
    pub async fn close(&self) {
        let Kept::InDatabase(at) = &self.0.kept else { return };
        at.queue.close();
        let writer = lock(&at.writer).take();
        if let Some(mut writer) = writer
            && !drained(&mut writer, &at.queue).await
        {
            writer.abort();
            tracing::warn!(
                notes = at.queue.len(),
                "the journal's database does not answer in time: what was noted last is not in it"
            );
        }
        if let Some(sql) = at.reached.get()
            && let Ok(Err(error)) = tokio::time::timeout(DRAIN, sql.clone().close()).await
        {
            tracing::warn!(error = %chain(&error), "cannot close the journal's database");
        }
        lock(&at.sole_use).take();
    }
}

/// Waits for a writer to write what is left, as long as it gets on.
async fn drained(writer: &mut JoinHandle<()>, queue: &Queue) -> bool {
    for _ in 0..DRAINS {
        let left = queue.len();
        if tokio::time::timeout(DRAIN, &mut *writer).await.is_ok() {
            return true;
        }
        if queue.len() == left {
            break;
        }
    }
    false
}
