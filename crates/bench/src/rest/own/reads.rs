//! What is read: rows by what is unique, pages, and what is shown with them.

use sea_orm::{QueryResult, Value};

use super::{
    super::operations::{PAGE_V1, PAGE_V2},
    Own, TASK,
};
use crate::{Outcome, options::Kind};

impl Own {
    /// A row by what is unique.
    pub(super) async fn by(&self, table: &str, columns: &str, column: &str, value: &str) -> Outcome {
        let sql = format!("SELECT {columns} FROM `{table}` WHERE `{column}` = ?");
        let rows = self.rows(&sql, [value.into()]).await?;
        match rows.len() {
            1 => Ok(()),
            none => Err(format!("{none} rows of {table} have {value}").into()),
        }
    }

    /// The newest runs of tasks, with their assignments.
    pub(super) async fn newest_runs(&self, tasks: &[String]) -> Outcome {
        let sql = format!(
            "SELECT `id`, `spec`, `status`, `wake_at` FROM `run` INNER JOIN (SELECT MAX(`id`) AS `newest_id` FROM `run` WHERE `task_id` IN ({}) GROUP BY `task_id`) AS `newest` ON `id` = `newest_id`",
            marks(tasks.len())
        );
        let runs = self.rows(&sql, tasks.iter().map(|task| task.as_str().into())).await?;
        let ids = texts(&runs, "id")?;
        if ids.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "SELECT `body` FROM `assignment` WHERE `run_id` IN ({}) ORDER BY `run_id` ASC, `place` ASC",
            marks(ids.len())
        );
        self.rows(&sql, ids.into_iter().map(Value::from)).await.map(drop)
    }

    /// Where the document of a list is of which so many are newer: below an id, after so many.
    pub(super) async fn place(&self, list: &str, newer: usize) -> Outcome<(String, usize)> {
        let sql = "SELECT `below`, `held` FROM `block` WHERE `list` = ? ORDER BY `below` DESC";
        let (mut total, mut at) = (0, None);
        for block in self.rows(sql, [list.into()]).await? {
            let held: i64 = block.try_get("", "held")?;
            let until = total + usize::try_from(held)?;
            if at.is_none() && newer < until {
                at = Some((block.try_get("", "below")?, newer - total));
            }
            total = until;
        }
        at.ok_or_else(|| format!("{list} has {total} documents, and the one after {newer} is looked for").into())
    }

    /// The rows whose ids a query finds; answers the ids.
    pub(super) async fn documents(
        &self,
        table: &str,
        columns: &str,
        ids: &str,
        values: Vec<Value>,
    ) -> Outcome<Vec<String>> {
        let sql = format!(
            "SELECT {columns} FROM `{table}` WHERE `id` IN (SELECT `id` FROM ({ids}) AS `page`) ORDER BY `id` DESC"
        );
        texts(&self.rows(&sql, values).await?, "id")
    }

    pub(super) async fn tasks(&self, skip: usize) -> Outcome {
        let (below, skip) = self.place("task", skip).await?;
        let (ids, values) = numbered(self.kind, "task", "id", None, below, skip);
        let tasks = self.documents("task", TASK, &ids, values).await?;
        self.newest_runs(&tasks).await
    }

    pub(super) async fn tasks_of_party(&self) -> Outcome {
        let party = self.there.parties[0].as_str();
        let (below, skip) = self.place(&format!("task/{party}"), 0).await?;
        let (ids, values) = numbered(self.kind, "participant", "task_id", Some(party), below, skip);
        let tasks = self.documents("task", TASK, &ids, values).await?;
        self.newest_runs(&tasks).await
    }

    /// A page of `/api/v2`, with one more row, which says whether there is another page.
    pub(super) async fn after(&self, table: &str, columns: &str, after: Option<String>) -> Outcome {
        let mut values: Vec<Value> = Vec::new();
        let mut sql = format!("SELECT {columns} FROM `{table}`");
        if let Some(after) = after {
            sql.push_str(" WHERE `id` < ?");
            values.push(after.into());
        }
        sql.push_str(" ORDER BY `id` DESC LIMIT ?");
        values.push(u64::try_from(PAGE_V2 + 1)?.into());
        self.rows(&sql, values).await.map(drop)
    }

    /// Who takes part.
    pub(super) async fn participants(&self) -> Outcome {
        self.parties(&self.there.parties).await
    }

    /// Who takes part, and who aggregates.
    pub(super) async fn participants_and_aggregator(&self) -> Outcome {
        let parties = &self.there.parties;
        let both: Vec<String> = parties.iter().chain(parties.first()).cloned().collect();
        self.parties(&both).await
    }

    async fn parties(&self, named: &[String]) -> Outcome {
        let sql = format!(
            "SELECT `id`, `registered_at`, `last_seen`, `body` FROM `party` WHERE `id` IN ({}) ORDER BY `id` ASC",
            marks(named.len())
        );
        let values = named.iter().map(|party| party.as_str().into());
        self.rows(&sql, values).await.map(drop)
    }
}

/// The ids of a page by its number: below an id, after so many.
pub(super) fn numbered(
    kind: Kind,
    table: &str,
    column: &str,
    party: Option<&str>,
    below: String,
    skip: usize,
) -> (String, Vec<Value>) {
    let from = match kind {
        Kind::Mariadb if party.is_none() => format!("`{table}` FORCE INDEX (`{table}_id`)"),
        _ => format!("`{table}`"),
    };
    let of = party.map_or("", |_| "`party` = ? AND ");
    let sql = format!(
        "SELECT `{column}` AS `id` FROM {from} WHERE {of}`{column}` < ? ORDER BY `{column}` DESC LIMIT ? OFFSET ?"
    );
    let number = |number: usize| Value::from(u64::try_from(number).unwrap_or(u64::MAX));
    let party = party.map(Value::from).into_iter();
    let values = party.chain([below.into(), number(PAGE_V1), number(skip)]);
    (sql, values.collect())
}

pub(super) fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

fn texts(rows: &[QueryResult], column: &str) -> Outcome<Vec<String>> {
    let each: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get("", column)).collect();
    Ok(each?)
}
