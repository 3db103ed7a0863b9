//! Empty databases, one for each test.

use std::sync::Arc;

use flow_mariadb::{Admin, Shared};
use flow_server::store::{Store, memory::Memory};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};

/// How many connections a store has here: enough for writers to meet.
const CONNECTIONS: u32 = 8;

/// A store over a database of its own, which goes with it.
pub(crate) struct Opened {
    pub(crate) store: Store,
    pub(crate) url: String,
    pub(crate) home: Home,
}

/// Where a database is.
pub(crate) enum Home {
    Folder(tempfile::TempDir),
    Server(Arc<Shared>, String),
    Nowhere,
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Self::Server(shared, name) = self {
            // Best effort: the server goes with the tests. What is still connected would hold the database.
            let connected = format!("SELECT id FROM information_schema.processlist WHERE db = '{name}'");
            let connected = shared.admin().execute(&connected).unwrap_or_default();
            for connection in connected.lines() {
                let _ = shared.admin().execute(&format!("KILL {connection}"));
            }
            let _ = shared
                .admin()
                .execute(&format!("SET lock_wait_timeout = 2; DROP DATABASE {name}"));
        }
    }
}

impl Home {
    pub(crate) fn folder() -> Self {
        Self::Folder(tempfile::tempdir().unwrap())
    }

    /// A new database, made with these words after its name.
    pub(crate) async fn server(words: &'static str) -> Self {
        tokio::task::spawn_blocking(move || {
            let shared = flow_mariadb::shared().unwrap();
            let name = format!("t_{}", uuid::Uuid::new_v4().simple());
            shared
                .admin()
                .execute(&format!("CREATE DATABASE {name} {words}"))
                .unwrap();
            Self::Server(shared, name)
        })
        .await
        .unwrap()
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Folder(folder) => format!("sqlite://{}", folder.path().join("flow.db").display()),
            Self::Server(shared, name) => shared.admin().url(name),
            Self::Nowhere => panic!("a store in memory has no address"),
        }
    }

    pub(crate) fn admin(&self) -> (&Admin, &str) {
        match self {
            Self::Server(shared, name) => (shared.admin(), name),
            Self::Folder(_) | Self::Nowhere => panic!("this store has no server"),
        }
    }

    /// A connection beside the store.
    pub(crate) async fn connect(&self) -> DatabaseConnection {
        let url = self.url();
        let url = if url.starts_with("sqlite:") {
            format!("{url}?mode=rwc")
        } else {
            url
        };
        Database::connect(url).await.unwrap()
    }

    pub(crate) async fn open(self) -> Opened {
        let url = self.url();
        let store = Store::open(&url, CONNECTIONS).await.unwrap();
        Opened { store, url, home: self }
    }
}

impl Opened {
    pub(crate) async fn sqlite() -> Self {
        Home::folder().open().await
    }

    pub(crate) async fn mariadb() -> Self {
        Home::server("CHARACTER SET utf8mb4").await.open().await
    }

    pub(crate) fn memory() -> Self {
        let store = Store::in_memory(Memory::default().shared(micros));
        Self {
            store,
            url: String::new(),
            home: Home::Nowhere,
        }
    }

    /// Executes a statement behind the store's back.
    pub(crate) async fn execute(&self, sql: &str) {
        self.home.connect().await.execute_unprepared(sql).await.unwrap();
    }
}

fn micros() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(now.unwrap().as_micros()).unwrap()
}

/// The first column of what a query finds, as text.
pub(crate) async fn column(db: &DatabaseConnection, backend: DbBackend, sql: &str) -> Vec<String> {
    let rows = db.query_all_raw(Statement::from_string(backend, sql)).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}
