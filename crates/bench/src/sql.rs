//! SQL in the words of either database, and questions that have one answer.

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};

use crate::{Outcome, options::Kind};

impl Kind {
    /// Pieces of text as one.
    pub(crate) fn text(self, pieces: &[&str]) -> String {
        match self {
            Self::Sqlite => format!("({})", pieces.join(" || ")),
            Self::Mariadb => format!("CONCAT({})", pieces.join(", ")),
        }
    }

    /// A number in hexadecimal digits, as `%03x` does it.
    pub(crate) fn hex(self, format: &str, number: &str) -> String {
        match self {
            Self::Sqlite => format!("printf('{format}', {number})"),
            Self::Mariadb => {
                let digits = format.trim_matches(|c: char| !c.is_ascii_digit());
                format!("LPAD(LOWER(HEX({number})), {digits}, '0')")
            }
        }
    }

    /// A document in which one text stands instead of another.
    pub(crate) fn replace(self, document: &str, before: &str, after: &str) -> String {
        // MariaDB compares documents otherwise than ids, and wants to be told how.
        let collate = match self {
            Self::Sqlite => "",
            Self::Mariadb => " COLLATE utf8mb4_bin",
        };
        format!("REPLACE({document}, {before}{collate}, {after}{collate})")
    }
}

/// The columns of a table that has rows, as this build of the server has them.
pub(crate) async fn columns(db: &DatabaseConnection, table: &str) -> Outcome<Vec<String>> {
    let select = Statement::from_string(db.get_database_backend(), format!("SELECT * FROM {table} LIMIT 1"));
    let row = db.query_one_raw(select).await?;
    let row = row.ok_or_else(|| format!("there is no {table} to make copies of"))?;
    Ok(row.column_names())
}

/// The columns of a table, and what a copy of the row `of` has there: what is given, and everything else as it is.
pub(crate) fn copied(columns: &[String], of: &str, changed: &[(&str, &str)]) -> (String, String) {
    let value = |column: &String| match changed.iter().find(|(name, _)| name == column) {
        Some((_, value)) => (*value).to_owned(),
        None => format!("{of}.{column}"),
    };
    let values: Vec<String> = columns.iter().map(value).collect();
    (columns.join(", "), values.join(", "))
}

/// How many rows there are of a table, or of a table with a condition.
pub(crate) async fn count(db: &DatabaseConnection, what: &str) -> Outcome<usize> {
    number(db, &format!("SELECT COUNT(*) FROM {what}")).await
}

/// The number that a query answers.
pub(crate) async fn number(db: &DatabaseConnection, sql: &str) -> Outcome<usize> {
    let select = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(select).await?;
    let number: i64 = row.ok_or("no row of a count")?.try_get_by_index(0)?;
    Ok(usize::try_from(number)?)
}
