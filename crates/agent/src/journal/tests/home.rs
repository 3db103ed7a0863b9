//! Places for journals, one for each test.

use std::sync::Arc;

use flow_daemon::ambient::Ambient;
use flow_domain::AssignmentId;
use flow_mariadb::Shared;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};

use super::{samples::mk_party, within};
use crate::journal::{Entry, Journal, JournalConfig, JournalError, Memory};

/// Where a journal is. Its data folder goes with it.
pub(super) struct Home {
    pub(super) folder: tempfile::TempDir,
    pub(super) config: JournalConfig,
    kind: Kind,
}

enum Kind {
    Sqlite,
    Server(Arc<Shared>, String),
    Memory(Memory),
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Kind::Server(shared, name) = &self.kind {
            // Best effort: the server goes with the tests. What is still connected would hold the database.
            let connected = format!("SELECT id FROM information_schema.processlist WHERE db = '{name}'");
            for connection in shared.admin().execute(&connected).unwrap_or_default().lines() {
                let _ = shared.admin().execute(&format!("KILL {connection}"));
            }
            let drop = format!("SET lock_wait_timeout = 2; DROP DATABASE {name}");
            let _ = shared.admin().execute(&drop);
        }
    }
}

impl Home {
    fn new(kind: Kind) -> Self {
        let mut config = JournalConfig::default();
        if let Kind::Server(shared, name) = &kind {
            config.url = shared.admin().url(name);
        }
        Self {
            folder: tempfile::tempdir().unwrap(),
            config,
            kind,
        }
    }

    pub(super) fn folder() -> Self {
        Self::new(Kind::Sqlite)
    }

    pub(super) fn memory() -> Self {
        Self::new(Kind::Memory(Memory::default()))
    }

    pub(super) async fn server() -> Self {
        let made = tokio::task::spawn_blocking(|| {
            let shared = flow_mariadb::shared().unwrap();
            let name = format!("j_{}", uuid::Uuid::new_v4().simple());
            shared.admin().create_database(&name).unwrap();
            Kind::Server(shared, name)
        });
        Self::new(made.await.unwrap())
    }

    pub(super) async fn try_open(&self, party: &str) -> Result<Journal, JournalError> {
        let ambient = Ambient::of_machine();
        if let Kind::Memory(memory) = &self.kind {
            let mut journal = Journal::in_memory(memory.clone(), &ambient);
            journal.set_keep(self.config.keep);
            return Ok(journal);
        }
        let party = mk_party(party);
        Journal::open(&self.config, &party, self.folder.path(), "flow-federate", &ambient).await
    }

    pub(super) async fn open(&self) -> Journal {
        self.try_open("a").await.unwrap()
    }

    /// The URL of the database, also where that is the default.
    pub(super) fn url(&self) -> String {
        match &self.kind {
            Kind::Sqlite => format!("sqlite://{}", self.folder.path().join("journal.db").display()),
            _ => self.config.url.clone(),
        }
    }

    /// A connection beside the journal.
    pub(super) async fn connect(&self) -> DatabaseConnection {
        Database::connect(self.url()).await.unwrap()
    }

    /// Executes a statement behind the journal's back.
    pub(super) async fn execute(&self, sql: &str) {
        self.connect().await.execute_unprepared(sql).await.unwrap();
    }
}

/// Waits until an entry is as it should be.
pub(super) async fn until(journal: &Journal, id: AssignmentId, is_so: impl Fn(&Entry) -> bool) {
    within("the journal says so", async || {
        journal.assignment(id).await.unwrap().is_some_and(|entry| is_so(&entry))
    })
    .await;
}
