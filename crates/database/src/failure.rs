//! What an error of the database means: it is away, two writers met, or nothing that waiting would help.

use sea_orm::{DbErr, RuntimeErr, SqlErr, SqlxError, SqlxMySqlError, SqlxSqliteError};

/// MySQL's numbers for a server that is full, going down, cut off a connection, or gave up a statement.
const AWAY: [u16; 12] = [
    1040, // too many connections
    1053, // server shutdown in progress
    1152, // aborted connection
    1158, 1159, 1160, 1161, // network errors and time-outs
    1203, // too many connections of this user
    1317, // statement was interrupted
    1927, // connection was killed
    1969, // statement took longer than max_statement_time
    3024, // the same of MySQL
];

/// MySQL's numbers for two writers that met; the transaction, or its last statement, was rolled back.
const CONFLICT: [u16; 3] = [
    1020, // record has changed since it was read
    1205, // lock wait time-out
    1213, // deadlock
];

/// SQLite's primary codes for a lock that another connection or process holds: BUSY and LOCKED.
const LOCKED: [u32; 2] = [5, 6];

/// What the database says, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// There is no answer, so it is not known whether the statement was carried out.
    Lost,
    /// It says that it cannot now; nothing was done.
    Away,
    /// Another writer was in the way; nothing was done, and the same transaction may work at once.
    Conflict,
    /// Anything else.
    Other,
}

/// What one says that was rolled back because of another one that it shared a transaction with.
const UNDONE: &str = "undone together with another one";

/// The error of a transaction that another one's failure has undone.
pub(crate) fn undone() -> DbErr {
    DbErr::Custom(UNDONE.to_owned())
}

/// What an error means.
pub fn cause(error: &DbErr) -> Cause {
    let source = match error {
        DbErr::Custom(text) if text == UNDONE => return Cause::Conflict,
        DbErr::ConnectionAcquire(_) => return Cause::Away,
        DbErr::Conn(_) => return Cause::Away,
        DbErr::Exec(source) | DbErr::Query(source) => source,
        _ => return Cause::Other,
    };
    match source {
        RuntimeErr::SqlxError(error) => of_sqlx(error),
        RuntimeErr::Internal(_) => Cause::Lost,
    }
}

fn of_sqlx(error: &SqlxError) -> Cause {
    match error {
        SqlxError::Database(error) => {
            if let Some(error) = error.try_downcast_ref::<SqlxMySqlError>() {
                let number = error.number();
                if CONFLICT.contains(&number) {
                    return Cause::Conflict;
                }
                return if AWAY.contains(&number) {
                    Cause::Away
                } else {
                    Cause::Other
                };
            }
            if error.try_downcast_ref::<SqlxSqliteError>().is_some() {
                // The code is the extended one, whose last byte is the primary one.
                let code: u32 = error.code().and_then(|code| code.parse().ok()).unwrap_or_default();
                if LOCKED.contains(&(code & 0xff)) {
                    return Cause::Conflict;
                }
            }
            Cause::Other
        }
        SqlxError::Io(_) | SqlxError::Tls(_) | SqlxError::Protocol(_) | SqlxError::WorkerCrashed => Cause::Lost,
        SqlxError::PoolTimedOut | SqlxError::PoolClosed | SqlxError::BeginFailed => Cause::Away,
        _ => Cause::Other,
    }
}

/// Whether there is such a row already.
pub fn is_duplicate(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

/// Whether the database is away or too busy, and the same call may work later. Of a write it is not known then whether it was done, if the
/// database stayed away.
pub fn is_away(error: &DbErr) -> bool {
    cause(error) != Cause::Other
}
