//! The store in a database: SQLite by default, MySQL by configuration, the same code for both.

mod aliases;
mod blocks;
mod change;
mod document;
mod events;
mod gang;
mod idempotency;
mod list;
mod live;
mod looks;
mod pages;
mod party;
mod queue;
mod shared;
mod standing;
mod task;
mod template;

use flow_database::{ConnectError, Database, Tries, bounded, commit, is_duplicate};
use flow_migrations::Migrator;

use self::{live::Live, looks::Looks, standing::Standings};
use super::{
    StoreError,
    kinds::{Claim, Created, KEPT, Loaded, Queue, RunFilter, StoredEvent, TAKES, WAITS, said_to, standing},
    shared::ServerId,
};

type Failed<T> = flow_database::Failed<T, StoreError>;

/// The store in a database.
#[derive(Clone, Debug)]
pub(super) struct Sql {
    db: Database,
    /// The server that uses it, where others may too: they are told of every change.
    me: Option<ServerId>,
    live: Live,
    looks: Looks,
    standings: Standings,
}

impl Sql {
    /// Opens the database and migrates it.
    ///
    /// # Errors
    /// Says what is wrong with the database and what to do about it.
    pub(super) async fn open(url: &str, max_connections: u32) -> Result<Self, ConnectError> {
        let db = Database::open::<Migrator>(url, max_connections).await?;
        Ok(Self {
            db,
            me: None,
            live: Live::default(),
            looks: Looks::default(),
            standings: Standings::default(),
        })
    }

    /// The database as that server's.
    pub(super) fn used_by(mut self, server: ServerId) -> Self {
        self.me = self.db.is_shared().then_some(server);
        self
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// What it says instead.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.db.ping().await?)
    }

    /// Calls `see` with every statement from now on, for tests that explain them and for measuring.
    #[doc(hidden)]
    pub(super) fn see_statements(&mut self, see: impl Fn(&sea_orm::metric::Info<'_>) + Send + Sync + 'static) {
        self.db.see_statements(see);
    }

    /// Waits for statements under way and closes the connections.
    ///
    /// # Errors
    /// What the database says.
    pub(super) async fn close(self) -> Result<(), StoreError> {
        Ok(self.db.close().await?)
    }
}

/// The JSON of a value. Our own types have text keys only, which is all that could go wrong.
fn to_json<T: serde::Serialize>(what: &'static str, value: &T) -> Result<serde_json::Value, StoreError> {
    serde_json::to_value(value).map_err(|source| StoreError::Unreadable { what, source })
}

/// The same as text, which is what is stored: documents that are written with every change of a run are not made twice.
fn to_text<T: serde::Serialize>(what: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|source| StoreError::Unreadable { what, source })
}

fn from_json<T: serde::de::DeserializeOwned>(what: &'static str, value: serde_json::Value) -> Result<T, StoreError> {
    serde_json::from_value(value).map_err(|source| StoreError::Unreadable { what, source })
}
