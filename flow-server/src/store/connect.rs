//! Opens the database and brings its schema up to date, or says why not.

use std::{path::Path, time::Duration};

use flow_migrations::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr,
    sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous},
};

use super::Store;

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is of no kind that is supported.
    #[error("database.url '{0}' is not supported: write sqlite:///path/to/file or mysql://user:password@host/database")]
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

impl Store {
    /// Opens the database and migrates it.
    ///
    /// # Errors
    /// Says what is wrong with the database and what to do about it.
    pub async fn open(url: &str, max_connections: u32) -> Result<Self, ConnectError> {
        let db = connect(url, max_connections).await?;
        migrate(&db, url).await?;
        Ok(Self { db })
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
        .connect_timeout(Duration::from_secs(10))
        .acquire_timeout(Duration::from_secs(10))
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|options| {
            options
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                // What was accepted survives a power failure, not only a crash of this program.
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(Duration::from_secs(10))
                .foreign_keys(true)
        });
    Database::connect(options).await.map_err(|source| {
        let url = shown(url);
        if is_read_only(&source) {
            ConnectError::ReadOnly { url, source }
        } else {
            ConnectError::Open { url, source }
        }
    })
}

/// Brings the schema up to date.
///
/// # Errors
/// If it is from a newer version, cannot be written, or a migration fails.
pub async fn migrate(db: &DatabaseConnection, url: &str) -> Result<(), ConnectError> {
    let failed = |source: DbErr| {
        let url = shown(url);
        if is_read_only(&source) {
            ConnectError::ReadOnly { url, source }
        } else {
            ConnectError::Migrate { url, source }
        }
    };
    Migrator::install(db).await.map_err(failed)?;
    let known: Vec<String> = Migrator::migrations()
        .iter()
        .map(|migration| migration.name().to_owned())
        .collect();
    let applied = Migrator::get_migration_models(db).await.map_err(failed)?;
    if let Some(newer) = applied.into_iter().find(|model| !known.contains(&model.version)) {
        return Err(ConnectError::Newer {
            url: shown(url),
            migration: newer.version,
        });
    }
    Migrator::up(db, None).await.map_err(failed)?;
    // What may be read and not written opens well and has nothing left to migrate: a change of no row asks it to write.
    let nothing = "UPDATE run SET version = version WHERE id = ''";
    db.execute_unprepared(nothing).await.map_err(failed)?;
    Ok(())
}

fn is_read_only(error: &DbErr) -> bool {
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
