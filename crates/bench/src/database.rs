//! The databases to measure on: files, and a MariaDB that is brought up for it.

use std::path::{Path, PathBuf};

use flow_mariadb::Server;
use sea_orm::{
    ConnectOptions, Database as Connect, DatabaseConnection,
    sqlx::{
        Executor,
        sqlite::{SqliteJournalMode, SqliteSynchronous},
    },
};
use tempfile::TempDir;

use crate::{
    Outcome,
    options::{Kind, Options},
};

/// Everything that databases are made in, and the folder of all that this program writes.
#[derive(Debug)]
pub(crate) struct Databases {
    mariadb: Option<Server>,
    folder: TempDir,
}

/// An empty database of its own.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    /// As the server's configuration says it.
    pub(crate) url: String,
}

impl Databases {
    /// Brings up what is to be measured on.
    pub(crate) fn start(options: &Options) -> Outcome<Self> {
        let mut folder = tempfile::Builder::new().prefix("flow-bench-").tempdir()?;
        folder.disable_cleanup(options.keep);
        if options.keep {
            note(&format!("everything is kept in {}", folder.path().display()));
        }
        let mariadb = match options.kinds().contains(&Kind::Mariadb) {
            true => Some(Server::start(&new_folder(folder.path(), "mariadb")?)?),
            false => None,
        };
        Ok(Self { mariadb, folder })
    }

    /// Ends it.
    pub(crate) fn stop(mut self) -> Outcome {
        match &mut self.mariadb {
            Some(server) => Ok(server.stop()?),
            None => Ok(()),
        }
    }

    /// A folder for one measurement.
    pub(crate) fn folder(&self, name: &str) -> Outcome<PathBuf> {
        new_folder(self.folder.path(), name)
    }

    /// An empty database; its file, if it is one, is in that folder.
    pub(crate) fn fresh(&self, kind: Kind, folder: &Path) -> Outcome<Database> {
        let url = match (kind, &self.mariadb) {
            (Kind::Sqlite, _) => format!("sqlite://{}", folder.join("flow.db").display()),
            (Kind::Mariadb, Some(server)) => {
                server.create_database(&format!("bench_{}", uuid::Uuid::new_v4().simple()))?
            }
            (Kind::Mariadb, None) => return Err("there is no MariaDB in this run".into()),
        };
        Ok(Database { url })
    }
}

fn new_folder(parent: &Path, name: &str) -> Outcome<PathBuf> {
    let folder = parent.join(name);
    std::fs::create_dir(&folder)?;
    Ok(folder)
}

/// Tells how far it is, beside the figures.
pub(crate) fn note(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}

impl Database {
    /// Connections with the durability that the server's have.
    pub(crate) async fn connect(&self, connections: u32) -> Outcome<DatabaseConnection> {
        Ok(Connect::connect(self.options(connections)).await?)
    }

    /// Connections that are as the server's in all else too: transactions see what was committed meanwhile, and a connection that was just
    /// in use is not asked whether it answers.
    pub(crate) async fn connect_as_server(&self, connections: u32) -> Outcome<DatabaseConnection> {
        let mut options = self.options(connections);
        options.test_before_acquire(false).map_sqlx_mysql_pool_opts(|pool| {
            pool.after_connect(|connection, _| {
                Box::pin(async move {
                    let isolation = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
                    connection.execute(isolation).await.map(drop)
                })
            })
        });
        Ok(Connect::connect(options).await?)
    }

    fn options(&self, connections: u32) -> ConnectOptions {
        let mut options = ConnectOptions::new(&self.url);
        options
            .min_connections(connections)
            .max_connections(connections)
            .sqlx_logging(false)
            .map_sqlx_sqlite_opts(|options| {
                options
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .busy_timeout(std::time::Duration::from_secs(5))
            });
        options
    }
}
