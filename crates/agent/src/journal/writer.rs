//! Writes what was noted, one batch after the other, and again while the database is away. Nobody waits for it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use flow_daemon::{ambient::Chance, error::chain};

use super::{
    JournalError,
    entry::Standing,
    note::{News, Note},
    open::Opening,
    queue::{Item, Queue},
    retained::Retained,
    sql::Sql,
};

/// Notes are gathered for this long, and what is quiet for that long.
const GATHER: Duration = Duration::from_millis(50);
const QUIET: Duration = Duration::from_secs(2);

/// How many notes go into one transaction.
const BATCH: usize = 256;

/// Waits between tries: from the first to the last, each twice the one before, with jitter.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// The one that writes a journal.
pub(super) struct Writer {
    pub(super) queue: Arc<Queue>,
    pub(super) opening: Opening,
    /// The database, once it was reached.
    pub(super) reached: Arc<OnceLock<Sql>>,
    pub(super) retained: Arc<Mutex<Retained>>,
    pub(super) chance: Chance,
}

impl Writer {
    /// Writes until the queue is closed and empty.
    pub(super) async fn run(self) {
        let sql = self.reach().await;
        loop {
            if !self.queue.is_closed() {
                tokio::select! {
                    () = self.queue.news() => tokio::time::sleep(GATHER).await,
                    () = tokio::time::sleep(QUIET) => {}
                }
            }
            loop {
                let items = self.queue.take(BATCH);
                if items.is_empty() {
                    break;
                }
                self.write(sql, items.into()).await;
            }
            let lost = self.queue.lost();
            if lost > 0 {
                tracing::warn!(
                    lost,
                    "the journal is written again; it has gaps where so many notes were given up"
                );
            }
            if self.queue.is_closed() && self.queue.len() == 0 {
                return;
            }
        }
    }

    /// The database, as soon as it is there.
    async fn reach(&self) -> &Sql {
        let mut pauses = Pauses::default();
        loop {
            if let Some(sql) = self.reached.get() {
                return sql;
            }
            match self.opening.open().await {
                Ok((sql, ended)) => {
                    self.retained
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .earlier(ended);
                    tracing::info!("the journal's database is there");
                    return self.reached.get_or_init(|| sql);
                }
                Err(error) => pauses.after(&error, &self.chance).await,
            }
        }
    }

    async fn write(&self, sql: &Sql, mut items: VecDeque<Item>) {
        while !items.is_empty() {
            let notes: Vec<Note> = std::iter::from_fn(|| match items.pop_front() {
                Some(Item::About(note)) => Some(note),
                Some(only) => {
                    items.push_front(only);
                    None
                }
                None => None,
            })
            .collect();
            self.write_notes(sql, &notes).await;
            if let Some(Item::Only(here, at)) = items.pop_front() {
                let mut pauses = Pauses::default();
                let live = loop {
                    match sql.standing(Standing::Live).await {
                        Ok(live) => break live,
                        Err(error) => pauses.after(&error, &self.chance).await,
                    }
                };
                let missing = live.into_iter().filter(|id| !here.contains(id));
                let missing: Vec<Note> = missing
                    .map(|id| Note {
                        id,
                        at,
                        news: News::Missing,
                    })
                    .collect();
                for part in missing.chunks(BATCH) {
                    self.write_notes(sql, part).await;
                }
            }
        }
    }

    /// Writes these, however long it takes. A note that the database does not take while it takes others is given up, so
    /// that it does not hold them up for ever.
    async fn write_notes(&self, sql: &Sql, notes: &[Note]) {
        if notes.is_empty() {
            return;
        }
        let mut pauses = Pauses::default();
        loop {
            let error = match sql.write(notes).await {
                Ok(()) => return pauses.over(),
                Err(error) => error,
            };
            if !error.is_away() && sql.touch().await.is_ok() {
                if let [note] = notes {
                    tracing::error!(assignment = %note.id, error = %chain(&error), "the journal does not take a note; it is left out");
                    return;
                }
                for note in notes {
                    Box::pin(self.write_notes(sql, std::slice::from_ref(note))).await;
                }
                return;
            }
            pauses.after(&error, &self.chance).await;
        }
    }
}

/// Waiting for a database that is away: said once, and once more when it is back.
#[derive(Default)]
struct Pauses(Option<Duration>);

impl Pauses {
    async fn after(&mut self, error: &JournalError, chance: &Chance) {
        let pause = match self.0 {
            Some(last) => (last * 2).min(LAST_PAUSE),
            None => {
                tracing::warn!(error = %chain(error), "cannot write the journal; trying again. Jobs and reports go on");
                FIRST_PAUSE
            }
        };
        self.0 = Some(pause);
        tokio::time::sleep(pause.mul_f64(chance.jitter())).await;
    }

    fn over(&self) {
        if self.0.is_some() {
            tracing::info!("the journal is written again");
        }
    }
}
