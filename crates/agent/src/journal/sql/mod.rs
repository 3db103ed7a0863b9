//! The journal in a database: SQLite by default, MySQL where the party wants it, the same code for both.

mod read;
mod write;

use flow_database::{Database, bounded, is_duplicate};
use flow_domain::PartyId;
use flow_migrations::journal::Migrator;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Alias, Expr, ExprTrait, Query},
};

use super::JournalError;

/// One writes, and pages are read beside it.
const CONNECTIONS: u32 = 3;

/// A party's journal in a database.
#[derive(Debug, Clone)]
pub(super) struct Sql {
    db: Database,
    party: String,
    /// How many assignments are kept.
    keep: i64,
}

impl Sql {
    /// Opens the database and brings its schema up to date.
    pub(super) async fn open(url: &str, party: &PartyId, keep: usize) -> Result<Self, JournalError> {
        let sql = Self {
            db: Database::open::<Migrator>(url, CONNECTIONS).await?,
            party: party.to_string(),
            keep: i64::try_from(keep).unwrap_or(i64::MAX),
        };
        bounded(sql.introduce()).await?;
        Ok(sql)
    }

    /// Makes the party's row, which every batch writes.
    async fn introduce(&self) -> Result<(), JournalError> {
        let mut insert = Query::insert();
        insert
            .into_table(Alias::new("journal_party"))
            .columns(["party", "batch", "assignments"].map(Alias::new))
            .values_panic([self.party.clone().into(), String::new().into(), 0_i64.into()]);
        let _turn = self.db.turn().await;
        match self.db.execute(&insert).await {
            Err(error) if !is_duplicate(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Writes what says nothing: whether the database takes writes at all.
    pub(super) async fn touch(&self) -> Result<(), JournalError> {
        let mut update = Query::update();
        update
            .table(Alias::new("journal_party"))
            .value(Alias::new("assignments"), Expr::col("assignments").add(0))
            .and_where(self.own());
        bounded(async {
            let _turn = self.db.turn().await;
            self.db.execute(&update).await?;
            Ok(())
        })
        .await
    }

    /// Rows of this party.
    fn own(&self) -> Expr {
        Expr::col("party").eq(self.party.as_str())
    }

    /// Calls `see` with every statement from now on, for tests that explain them.
    #[cfg(test)]
    pub(super) fn see_statements(&mut self, see: impl Fn(&sea_orm::metric::Info<'_>) + Send + Sync + 'static) {
        self.db.see_statements(see);
    }

    /// Waits for statements under way and closes the connections.
    pub(super) async fn close(self) -> Result<(), JournalError> {
        Ok(self.db.close().await?)
    }
}

/// Whether several programs may use what is at that URL.
pub(super) fn is_shared(url: &str) -> bool {
    url.starts_with("mysql:")
}

fn to_json<T: serde::Serialize>(what: &'static str, value: &T) -> Result<serde_json::Value, JournalError> {
    serde_json::to_value(value).map_err(|source| JournalError::Unreadable { what, source })
}

fn from_json<T: serde::de::DeserializeOwned>(what: &'static str, value: serde_json::Value) -> Result<T, JournalError> {
    serde_json::from_value(value).map_err(|source| JournalError::Unreadable { what, source })
}
