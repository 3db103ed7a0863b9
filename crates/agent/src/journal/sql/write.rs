//! Notes are written in batches: a transaction each, once and only once.

use std::collections::BTreeMap;

use flow_database::{Transaction, Tries, bounded, commit};
use flow_domain::AssignmentId;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Alias, Expr, ExprTrait, OnConflict, Order, Query},
};
use uuid::Uuid;

use super::{
    JournalError, Sql,
    read::{entry_of, id_of},
    to_json,
};
use crate::journal::{
    entry::{Entry, JournalEvent, Standing},
    note::{Draft, Note},
};

type Failed = flow_database::Failed<(), JournalError>;

/// How many assignments are forgotten at a time, and how many rows go into one statement.
const FORGET: u64 = 256;
const ROWS: usize = 100;

impl Sql {
    /// Writes notes, all of them or none.
    pub(in crate::journal) async fn write(&self, notes: &[Note]) -> Result<(), JournalError> {
        let batch = Uuid::new_v4().simple().to_string();
        bounded(async {
            let mut tries = Tries::default();
            loop {
                let Err(failed) = self.try_write(&batch, notes).await else {
                    return Ok(());
                };
                if tries.settle(failed, || self.is_written(&batch)).await?.is_some() {
                    return Ok(());
                }
            }
        })
        .await
    }

    async fn try_write(&self, batch: &str, notes: &[Note]) -> Result<(), Failed> {
        let tx = self.db.begin().await?;
        let mut update = Query::update();
        update
            .table(Alias::new("journal_party"))
            .value(Alias::new("batch"), batch)
            .and_where(self.own());
        // Whoever else writes this party's journal waits here until this is done.
        tx.execute(&update).await?;
        let mut drafts: BTreeMap<AssignmentId, Draft> = self
            .load(&tx, notes)
            .await?
            .into_iter()
            .map(|entry| (entry.id, Draft::of(Some(entry))))
            .collect();
        let mut added = 0_i64;
        for note in notes {
            let draft = drafts.entry(note.id).or_insert_with(|| {
                added += 1;
                Draft::default()
            });
            draft.take(note);
        }
        let mut events = Vec::new();
        for draft in drafts.into_values().filter(|draft| draft.changed) {
            events.extend(self.save(&tx, draft).await?);
        }
        for part in events.chunks(ROWS) {
            self.append(&tx, part).await?;
        }
        if added > 0 {
            self.forget(&tx, added).await?;
        }
        commit(tx, ()).await
    }

    /// The entries that the notes are about, as far as there are any.
    async fn load(&self, tx: &Transaction, notes: &[Note]) -> Result<Vec<Entry>, JournalError> {
        let mut ids: Vec<String> = notes.iter().map(|note| note.id.to_string()).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut entries = Vec::with_capacity(ids.len());
        for part in ids.chunks(ROWS) {
            let mut select = self.select(&["body"]);
            select.and_where(Expr::col("id").is_in(part.iter().map(String::as_str)));
            for row in tx.query_all(&select).await? {
                entries.push(entry_of(&row)?);
            }
        }
        Ok(entries)
    }

    /// Writes an entry; answers what has happened to it.
    async fn save(&self, tx: &Transaction, draft: Draft) -> Result<Vec<(String, JournalEvent)>, JournalError> {
        let Some(entry) = draft.entry else {
            return Ok(Vec::new());
        };
        let id = entry.id.to_string();
        let (run, task) = match &entry.asked {
            Some(asked) => (asked.run.to_string(), asked.task.to_string()),
            None => (String::new(), String::new()),
        };
        let mut columns = vec![
            "party",
            "id",
            "given_at",
            "run_id",
            "task_id",
            "state",
            "standing",
            "cleared_at",
            "events",
            "body",
        ];
        let mut values: Vec<Expr> = vec![
            self.party.clone().into(),
            id.clone().into(),
            entry.given_at.micros().into(),
            run.into(),
            task.into(),
            entry.state.to_string().into(),
            entry.standing().number().into(),
            entry.cleared_at.unwrap_or_default().micros().into(),
            count(entry.events).into(),
            to_json("assignment", &entry)?.into(),
        ];
        if let Some(spec) = draft.spec {
            columns.push("spec");
            values.push(to_json("spec", &*spec)?.into());
        }
        let changing = columns[3..].iter().copied().map(Alias::new);
        let mut insert = Query::insert();
        insert
            .into_table(Alias::new("journal_assignment"))
            .on_conflict(
                OnConflict::columns(["party", "id"].map(Alias::new))
                    .update_columns(changing)
                    .to_owned(),
            )
            .columns(columns.into_iter().map(Alias::new))
            .values_panic(values);
        tx.execute(&insert).await?;
        let first = entry.events - draft.events.len() as u64 + 1;
        let numbered = draft.events.into_iter().zip(first..);
        Ok(numbered
            .map(|((at, what), sequence)| (id.clone(), JournalEvent { sequence, at, what }))
            .collect())
    }

    async fn append(&self, tx: &Transaction, events: &[(String, JournalEvent)]) -> Result<(), JournalError> {
        let mut insert = Query::insert();
        insert
            .into_table(Alias::new("journal_event"))
            .columns(["party", "assignment_id", "sequence", "body"].map(Alias::new));
        for (id, event) in events {
            insert.values_panic([
                self.party.clone().into(),
                id.clone().into(),
                count(event.sequence).into(),
                to_json("event", event)?.into(),
            ]);
        }
        tx.execute(&insert).await?;
        Ok(())
    }

    /// Counts the new ones; those that are over and were cleared away first make room for them.
    async fn forget(&self, tx: &Transaction, added: i64) -> Result<(), JournalError> {
        let mut select = Query::select();
        select
            .column(Alias::new("assignments"))
            .from(Alias::new("journal_party"))
            .and_where(self.own());
        let row = tx.query_one(&select).await?;
        let before: i64 = row.map(|row| row.try_get("", "assignments")).transpose()?.unwrap_or(0);
        let mut assignments = before + added;
        let surplus = u64::try_from(assignments - self.keep).unwrap_or(0);
        if surplus > 0 {
            let mut oldest = self.select(&["id"]);
            oldest
                .and_where(Expr::col("standing").eq(Standing::Over.number()))
                .order_by(Alias::new("cleared_at"), Order::Asc)
                .order_by(Alias::new("id"), Order::Asc)
                .limit(Ord::min(surplus, FORGET));
            let rows = tx.query_all(&oldest).await?;
            let ids: Vec<String> = rows
                .iter()
                .map(|row| id_of(row).map(|id| id.to_string()))
                .collect::<Result<_, _>>()?;
            for part in ids.chunks(ROWS) {
                for (table, column) in [("journal_event", "assignment_id"), ("journal_assignment", "id")] {
                    let mut delete = Query::delete();
                    delete
                        .from_table(Alias::new(table))
                        .and_where(self.own())
                        .and_where(Expr::col(column).is_in(part.iter().map(String::as_str)));
                    tx.execute(&delete).await?;
                }
            }
            assignments -= i64::try_from(ids.len()).unwrap_or(0);
        }
        let mut update = Query::update();
        update
            .table(Alias::new("journal_party"))
            .value(Alias::new("assignments"), assignments)
            .and_where(self.own());
        tx.execute(&update).await?;
        Ok(())
    }
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
