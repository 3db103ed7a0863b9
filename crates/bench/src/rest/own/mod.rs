//! The same statements as the server's, carried out directly: by as many connections as the server has, in the same transactions, with
//! rows of the same size. `seen` compares them with what the server really does.

mod reads;
mod writes;

use std::sync::Arc;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, QueryResult, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait, Value,
};

use self::reads::numbered;
use super::{
    copies,
    operations::{Asked, Operation, PAGE_V1, PAGE_V2, There, Version},
    sample::Sample,
};
use crate::{Outcome, database::Database, options::Kind};

/// As many connections as the server has by default.
const CONNECTIONS: u32 = 8;

const TASK: &str = "`id`, `name`, `revision`, `spec`, `created_at`, `modified_at`, `template_id`";
const TEMPLATE: &str = "`id`, `name`, `revision`, `spec`, `created_at`, `modified_at`";

/// Who carries them out.
#[derive(Debug)]
pub(in crate::rest) struct Own {
    kind: Kind,
    readers: DatabaseConnection,
    /// SQLite has one writer at a time, and the server one connection that writes.
    writers: DatabaseConnection,
    there: Arc<There>,
    sample: Sample,
}

impl Own {
    /// Connects as often as the server does.
    pub(in crate::rest) async fn new(database: &Database, kind: Kind, there: Arc<There>) -> Outcome<Self> {
        Self::with(database, kind, there, CONNECTIONS).await
    }

    /// Connects so many times.
    pub(in crate::rest) async fn with(
        database: &Database,
        kind: Kind,
        there: Arc<There>,
        connections: u32,
    ) -> Outcome<Self> {
        let readers = database.connect_as_server(connections).await?;
        let writers = match kind {
            Kind::Sqlite => database.connect_as_server(1).await?,
            Kind::Mariadb => readers.clone(),
        };
        Ok(Self {
            kind,
            sample: Sample::read(&readers).await?,
            readers,
            writers,
            there,
        })
    }

    /// The numbers of its connections at MariaDB, if it has one.
    pub(in crate::rest) async fn threads(&self) -> Outcome<String> {
        let rows = self.rows("SELECT CAST(CONNECTION_ID() AS CHAR) AS id", []).await?;
        let row = rows.first().ok_or("a connection without a number")?;
        Ok(row.try_get("", "id")?)
    }

    pub(in crate::rest) async fn close(self) -> Outcome {
        self.writers.close().await?;
        Ok(self.readers.close().await?)
    }

    /// Carries out what that request comes to.
    pub(in crate::rest) async fn carry_out(&self, Operation { version, asked }: Operation) -> Outcome {
        let there = &self.there;
        match (version, asked) {
            (Version::V1, Asked::Get) => {
                let task = there.any()?;
                self.by("task", TASK, "id", &task).await?;
                self.newest_runs(&[task]).await
            }
            (Version::V2, Asked::Get) => self.by("task", TASK, "id", &there.any()?).await,
            (Version::V1, Asked::Newest) => self.tasks(0).await,
            (Version::V1, Asked::Anywhere) => self.tasks(there.offset(PAGE_V1)).await,
            (Version::V1, Asked::OfParty) => self.tasks_of_party().await,
            (Version::V1, Asked::Templates) => {
                let (below, skip) = self.place("template", 0).await?;
                let ids = numbered(self.kind, "template", "id", None, below, skip);
                self.documents("template", TEMPLATE, &ids.0, ids.1).await.map(drop)
            }
            (Version::V2, Asked::Newest | Asked::OfParty) => self.after("task", TASK, None).await,
            (Version::V2, Asked::Anywhere) => {
                let number = there.copies.end - there.offset(PAGE_V2);
                self.after("task", TASK, Some(copies::task(number)?)).await
            }
            (Version::V2, Asked::Templates) => self.after("template", TEMPLATE, None).await,
            (_, Asked::Create) => self.create(version).await,
            (_, Asked::Start) => self.start(version).await,
        }
    }

    async fn begin(&self) -> Outcome<DatabaseTransaction> {
        let options = TransactionOptions {
            sqlite_transaction_mode: (self.kind == Kind::Sqlite).then_some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(self.writers.begin_with_options(options).await?)
    }

    async fn rows(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Outcome<Vec<QueryResult>> {
        Ok(self.readers.query_all_raw(self.statement(sql, values)).await?)
    }

    async fn write(&self, tx: &DatabaseTransaction, sql: &str, values: impl IntoIterator<Item = Value>) -> Outcome {
        tx.execute_raw(self.statement(sql, values)).await?;
        Ok(())
    }

    fn statement(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
        let sql = match self.kind {
            Kind::Sqlite => sql.replace('`', "\""),
            Kind::Mariadb => sql.to_owned(),
        };
        Statement::from_sql_and_values(self.readers.get_database_backend(), sql, values)
    }
}
