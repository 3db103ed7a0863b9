//! Whether the database's own rate is that of the server's statements: what MariaDB's general log has of a request of the server, beside what
//! it has of the same carried out directly. Both databases are given the same statements, so one of them is enough.

use std::{collections::BTreeMap, sync::Arc};

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};

use super::{
    cancel_waiting,
    operations::{Operation, There, User},
    own::Own,
};
use crate::{Outcome, database::Database, options::Kind};

/// How often they are compared: what the server does besides may come in between.
const TRIES: usize = 5;

/// What the server does besides, whoever asks for what: signs of life, leases, looks at notices and at what is due.
const BESIDES: [&str; 8] = [
    "`server`",
    "INTO `lease`",
    "UPDATE `lease`",
    "`name`, `epoch` FROM `lease`",
    "FROM `notice`",
    "`wake_at` <=",
    "UNIX_TIMESTAMP",
    "SET ",
];

/// How often each statement was carried out; what stands in it for values is left out.
type Statements = BTreeMap<String, usize>;

/// Fails if a request comes to other statements than are measured directly.
pub(super) async fn compare(database: &Database, user: &User, there: &Arc<There>) -> Outcome {
    let db = database.connect(1).await?;
    let alone = Own::with(database, Kind::Mariadb, there.clone(), 1).await?;
    let threads = alone.threads().await?;
    db.execute_unprepared("SET GLOBAL log_output = 'TABLE'").await?;
    for operation in Operation::all() {
        // Statements are prepared, and caches filled.
        operation.ask(user, there).await?;
        cancel_waiting(&user.v2).await?;
        let mut tries = 0;
        loop {
            let servers = logged(&db, &threads, false, operation.ask(user, there)).await?;
            cancel_waiting(&user.v2).await?;
            let own = logged(&db, &threads, true, alone.carry_out(operation)).await?;
            // Before the server finds it.
            alone.empty_queue().await?;
            if servers == own {
                break;
            }
            tries += 1;
            if tries == TRIES {
                return Err(format!(
                    "{}: the server carries out other statements than are measured beside it\nthe server: {servers:#?}\nbeside it: {own:#?}",
                    operation.name()
                )
                .into());
            }
        }
    }
    alone.close().await?;
    Ok(db.close().await?)
}

/// What is carried out meanwhile over these connections, or over all others.
async fn logged(
    db: &DatabaseConnection,
    threads: &str,
    is_own: bool,
    meanwhile: impl Future<Output = Outcome>,
) -> Outcome<Statements> {
    db.execute_unprepared("TRUNCATE mysql.general_log").await?;
    db.execute_unprepared("SET GLOBAL general_log = ON").await?;
    let done = meanwhile.await;
    db.execute_unprepared("SET GLOBAL general_log = OFF").await?;
    done?;
    let not = if is_own { "" } else { "NOT" };
    let select = format!(
        "SELECT CONVERT(argument USING utf8mb4) AS argument FROM mysql.general_log \
         WHERE thread_id {not} IN ({threads}) AND thread_id <> CONNECTION_ID() AND command_type IN ('Query', 'Execute')"
    );
    let rows = db
        .query_all_raw(Statement::from_string(db.get_database_backend(), select))
        .await?;
    let mut statements = Statements::new();
    for row in rows {
        let text = without_values(&row.try_get::<String>("", "argument")?);
        if !BESIDES.iter().any(|besides| text.contains(besides)) {
            *statements.entry(text).or_default() += 1;
        }
    }
    Ok(statements)
}

/// A statement with `?` for each value.
fn without_values(statement: &str) -> String {
    let mut out = String::with_capacity(statement.len());
    let mut rest = statement.chars().peekable();
    while let Some(char) = rest.next() {
        let in_word = out
            .chars()
            .last()
            .is_some_and(|last| last.is_alphanumeric() || last == '_');
        match char {
            '\'' => {
                loop {
                    match rest.next() {
                        Some('\\') => drop(rest.next()),
                        Some('\'') if rest.peek() == Some(&'\'') => drop(rest.next()),
                        Some('\'') | None => break,
                        Some(_) => {}
                    }
                }
                out.push('?');
            }
            '`' => {
                out.push('`');
                out.extend(rest.by_ref().take_while(|char| *char != '`'));
                out.push('`');
            }
            digit if digit.is_ascii_digit() && !in_word => {
                while rest.next_if(char::is_ascii_digit).is_some() {}
                out.push('?');
            }
            other => out.push(other),
        }
    }
    // Nothing is a value too.
    out.replace("NULL", "?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_all_kinds_are_left_out_and_names_are_not() {
        let statement = r"INSERT INTO `run2` (`a 'b'`, c1) VALUES ('it''s \'so\' 5', -17, NULL, '') LIMIT 10 OFFSET 3";
        assert_eq!(
            without_values(statement),
            "INSERT INTO `run2` (`a 'b'`, c1) VALUES (?, -?, ?, ?) LIMIT ? OFFSET ?"
        );
    }
}
