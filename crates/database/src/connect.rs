//! Opens the database and brings its schema up to date, or says why not.

use std::{path::Path, time::Duration};

use flow_migrations::MigratorTrait;
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, RuntimeErr, SqlxError, SqlxMySqlError,
    sea_query::{Alias, Expr, ExprTrait, Query},
    sqlx::{
        Connection, Executor, MySql,
        pool::PoolOptions,
        sqlite::{SqliteJournalMode, SqliteSynchronous},
    },
};

use crate::{
    Database,
    failure::{Cause, cause, is_duplicate},
    turn::Turns,
};

/// How long a call waits for a connection, or for SQLite's lock.
const ACQUIRE: Duration = Duration::from_secs(5);

/// How long a connection that was given up by its caller has for an answer.
const GIVE_UP: Duration = Duration::from_secs(5);

/// How long a connection may have been unused to be taken for one that answers.
const RESTED: Duration = Duration::from_secs(1);

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is of no kind that is supported.
    #[error(
        "the database URL '{0}' is not supported: write sqlite:///path/to/file or mysql://user:password@host/database"
    )]
    Url(String),
    /// The folder of the SQLite file cannot be made.
    #[error("cannot make the folder of the database, {path}: check that it may be written")]
    Folder {
        /// The folder.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another process uses it.
    #[error(
        "the database {path} is in use by another {program} (process {holder}): stop that one; a database that several use at once is one of MySQL (mysql://…)"
    )]
    InUse {
        /// Its file.
        path: String,
        /// What uses it.
        program: &'static str,
        /// The other one's process id.
        holder: String,
    },
    /// The file that shows that it is in use cannot be used.
    #[error("cannot use the lock file {path}: check that its folder may be written")]
    Lock {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It cannot be opened.
    #[error("cannot open the database {url}: check that it is there and may be read and written")]
    Open {
        /// The URL, without a password.
        url: String,
        /// Why.
        #[source]
        source: DbErr,
    },
    /// It cannot be written.
    #[error("the database {url} is read-only: give this user the right to write it")]
    ReadOnly {
        /// The URL, without a password.
        url: String,
        /// Why.
        #[source]
        source: DbErr,
    },
    /// A newer version has migrated it.
    #[error(
        "the database {url} is from a newer version (it has migration {migration}): run that version, or restore a backup"
    )]
    Newer {
        /// The URL, without a password.
        url: String,
        /// The first migration that this version does not know.
        migration: String,
    },
    /// A migration failed.
    #[error("cannot bring the schema of {url} up to date; what was done so far is kept, and the next start goes on")]
    Migrate {
        /// The URL, without a password.
        url: String,
        /// Why.
        #[source]
        source: DbErr,
    },
}

impl Database {
    /// Opens the database and brings it up to that schema.
    ///
    /// # Errors
    /// Says what is wrong with the database and what to do about it.
    pub async fn open<M: MigratorTrait>(url: &str, max_connections: u32) -> Result<Self, ConnectError> {
        let connection = connect(url, max_connections).await?;
        migrate::<M>(&connection, url).await?;
        let writer = match connection.get_database_backend() {
            // One in memory is its connection's own.
            DbBackend::Sqlite if !url.contains(":memory:") => connect(url, 1).await?,
            _ => connection.clone(),
        };
        Ok(Self {
            turns: Turns::of(connection.get_database_backend()),
            connection,
            writer,
        })
    }
}

async fn connect(url: &str, max_connections: u32) -> Result<DatabaseConnection, ConnectError> {
    let sqlite = url.strip_prefix("sqlite:");
    if sqlite.is_none() && !url.starts_with("mysql://") {
        return Err(ConnectError::Url(shown(url)));
    }
    if let Some(path) = sqlite {
        let path = path.trim_start_matches("//").split('?').next().unwrap_or_default();
        if let Some(folder) = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|source| ConnectError::Folder {
                path: folder.display().to_string(),
                source,
            })?;
        }
    }
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(max_connections)
        .connect_timeout(ACQUIRE)
        .acquire_timeout(ACQUIRE)
        .sqlx_logging(false)
        .map_sqlx_mysql_pool_opts(mysql_session)
        .map_sqlx_sqlite_opts(|options| {
            options
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                // What was accepted survives a power failure, not only a crash of this program.
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(ACQUIRE)
                // A large gang is some hundred pages. What a statement would undo is kept in memory and not in a file made for
                // it, pages that are written again are not read again, and not each such change is followed by a checkpoint.
                .pragma("temp_store", "memory")
                .pragma("cache_size", "-8192")
                .pragma("wal_autocheckpoint", "4000")
                .foreign_keys(true)
        });
    sea_orm::Database::connect(options).await.map_err(|source| {
        let url = shown(url);
        if is_read_only(&source) {
            ConnectError::ReadOnly { url, source }
        } else {
            ConnectError::Open { url, source }
        }
    })
}

/// Opens a MySQL database to read it, whole as it was when that began, and never to write.
///
/// # Errors
/// Says what is wrong with the database and what to do about it.
pub async fn only_read(url: &str) -> Result<DatabaseConnection, ConnectError> {
    if !url.starts_with("mysql://") {
        return Err(ConnectError::Url(shown(url)));
    }
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(1)
        .connect_timeout(ACQUIRE)
        .acquire_timeout(ACQUIRE)
        .sqlx_logging(false)
        .map_sqlx_mysql_pool_opts(|pool| {
            pool.after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute("SET SESSION TRANSACTION READ ONLY").await?;
                    connection
                        .execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
                        .await
                        .map(drop)
                })
            })
            // Another connection would see another state.
            .idle_timeout(None)
            .max_lifetime(None)
        });
    let opened = sea_orm::Database::connect(options).await;
    opened.map_err(|source| ConnectError::Open {
        url: shown(url),
        source,
    })
}

/// What every session with MySQL is set to, and that a connection which no longer answers is given up.
fn mysql_session(pool: PoolOptions<MySql>) -> PoolOptions<MySql> {
    // READ COMMITTED locks the rows that are there and no gaps between them, so that writers of different runs are
    // never in each other's way. Without the strict mode a text that is too long would be cut off in silence.
    const ISOLATION: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
    const SETTINGS: &str =
        "SET SESSION innodb_lock_wait_timeout = 3, SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')";
    pool.after_connect(|connection, _| {
        Box::pin(async move {
            connection.execute(ISOLATION).await?;
            connection.execute(SETTINGS).await.map(drop)
        })
    })
    // One that was in use just now answers: asking each time would be one more round trip for every call.
    .test_before_acquire(false)
    .before_acquire(|connection, about| {
        Box::pin(async move {
            if about.idle_for < RESTED {
                return Ok(true);
            }
            let answer = tokio::time::timeout(GIVE_UP, connection.ping()).await;
            Ok(matches!(answer, Ok(Ok(()))))
        })
    })
    // A connection may come back in the middle of a statement. It is not waited for without end: that would use up
    // the pool while the database hangs.
    .after_release(|connection, _| {
        Box::pin(async move {
            let answer = tokio::time::timeout(GIVE_UP, connection.ping()).await;
            Ok(matches!(answer, Ok(Ok(()))))
        })
    })
}

/// Brings the schema up to date.
///
/// # Errors
/// If it is from a newer version, cannot be written, or a migration fails.
pub async fn migrate<M: MigratorTrait>(db: &DatabaseConnection, url: &str) -> Result<(), ConnectError> {
    let failed = |source: DbErr| {
        let url = shown(url);
        if is_read_only(&source) {
            ConnectError::ReadOnly { url, source }
        } else {
            ConnectError::Migrate { url, source }
        }
    };
    M::install(db).await.map_err(failed)?;
    let known: Vec<String> = M::migrations()
        .iter()
        .map(|migration| migration.name().to_owned())
        .collect();
    let applied = M::get_migration_models(db).await.map_err(failed)?;
    if let Some(newer) = applied.into_iter().find(|model| !known.contains(&model.version)) {
        return Err(ConnectError::Newer {
            url: shown(url),
            migration: newer.version,
        });
    }
    up::<M>(db).await.map_err(failed)?;
    // What may be read and not written opens well and has nothing left to migrate: a change of no row asks it to write.
    let mut nothing = Query::update();
    nothing
        .table(M::migration_table_name())
        .value(Alias::new("applied_at"), 0)
        .and_where(Expr::col("version").eq(""));
    db.execute(&nothing).await.map_err(failed)?;
    Ok(())
}

/// Applies what is missing. Servers that start at once do the same at once: every step may be done twice, and who comes
/// second to note it down looks again.
async fn up<M: MigratorTrait>(db: &DatabaseConnection) -> Result<(), DbErr> {
    // At each migration another may be first, and once more stand in the way.
    let tries = 2 * M::migrations().len() + 1;
    let mut outcome = Ok(());
    for _ in 0..tries {
        outcome = M::up(db, None).await;
        match &outcome {
            Err(error) if is_duplicate(error) || cause(error) == Cause::Conflict => {}
            _ => break,
        }
    }
    outcome
}

fn is_read_only(error: &DbErr) -> bool {
    /// MySQL's numbers for an account or a server that may not write: denied for a table, a database, a statement; the
    /// server, the transaction, the storage is read-only.
    const DENIED: [u16; 6] = [1142, 1044, 1227, 1290, 1792, 1836];
    if let DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) = error
        && let SqlxError::Database(error) = &**error
        && let Some(error) = error.try_downcast_ref::<SqlxMySqlError>()
    {
        return DENIED.contains(&error.number());
    }
    let text = error.to_string();
    text.contains("readonly") || text.contains("read-only") || text.contains("read only")
}

/// The URL without its password.
fn shown(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn no_password_is_shown() {
        assert_eq!(shown("mysql://flow:p@ss@db:3306/flow"), "mysql://…@db:3306/flow");
        assert_eq!(shown("sqlite:///var/lib/flow.db"), "sqlite:///var/lib/flow.db");
    }
}
