//! What is written: tasks and runs, in the server's transactions.

use std::time::SystemTime;

use sea_orm::{ConnectionTrait, DatabaseTransaction, Value};
use uuid::Uuid;

use super::{super::operations::Version, Own, TASK, TEMPLATE, reads::marks};
use crate::{Outcome, options::Kind};

impl Own {
    pub(super) async fn create(&self, version: Version) -> Outcome {
        match version {
            Version::V1 => self.by("template", TEMPLATE, "id", &self.sample.template).await?,
            Version::V2 => {
                self.by("template", TEMPLATE, "name", &self.there.template_v2).await?;
                self.participants_and_aggregator().await?;
            }
        }
        let (id, now, tx) = (new_id(), now()?, self.begin().await?);
        let sql = format!("INSERT INTO `task` ({TASK}) VALUES (?, ?, ?, ?, ?, ?, ?)");
        let row: [Value; 7] = [
            id.clone().into(),
            self.there.name().into(),
            1i64.into(),
            self.sample.task.clone().into(),
            now.into(),
            now.into(),
            self.sample.template.clone().into(),
        ];
        self.write(&tx, &sql, row).await?;
        let parties = &self.there.parties;
        let rows = vec!["(?, ?)"; parties.len()].join(", ");
        let sql = format!("INSERT INTO `participant` (`party`, `task_id`) VALUES {rows}");
        let values = parties.iter().flat_map(|party| [party.clone(), id.clone()]);
        self.write(&tx, &sql, values.map(Value::from)).await?;
        self.count(&tx).await?;
        Ok(tx.commit().await?)
    }

    pub(super) async fn start(&self, version: Version) -> Outcome {
        let task = self.there.next()?;
        self.by("task", TASK, "id", &task).await?;
        if version == Version::V1 {
            self.newest_runs(std::slice::from_ref(&task)).await?;
            self.participants().await?;
        }
        self.by("template", TEMPLATE, "id", &self.sample.template).await?;
        self.participants_and_aggregator().await?;
        let (id, now, tx) = (new_id(), now()?, self.begin().await?);
        if version == Version::V1 {
            let sql = "INSERT INTO `idempotency` (`id`, `fingerprint`, `resource`, `created_at`) VALUES (?, ?, ?, ?)";
            // As long as the digest that the server has there.
            let key = format!("{id}{id}");
            self.write(
                &tx,
                sql,
                [key.clone().into(), key.into(), id.clone().into(), now.into()],
            )
            .await?;
        }
        let run = &self.sample.run;
        let (sql, values) = run.insert(&id, &task, now);
        self.write(&tx, &sql, values).await?;
        let event = "INSERT INTO `event` (`run_id`, `sequence`, `body`) VALUES (?, ?, ?)";
        self.write(
            &tx,
            event,
            [id.clone().into(), 1i64.into(), self.sample.event.clone().into()],
        )
        .await?;
        self.note(&tx).await?;
        tx.commit().await?;
        // The queue is looked at, and the run is told what it waits for.
        self.rows(
            "SELECT `id`, `version` FROM `run` WHERE `queue` IN (?, ?)",
            [1i64.into(), 2i64.into()],
        )
        .await?;
        let tx = self.begin().await?;
        let (sql, values) = run.update(&id, &task, now);
        self.write(&tx, sql, values).await?;
        self.plans(&tx).await?;
        self.write(
            &tx,
            event,
            [id.clone().into(), 2i64.into(), self.sample.event.clone().into()],
        )
        .await?;
        self.note(&tx).await?;
        tx.commit().await?;
        self.rows("SELECT `version` FROM `run` WHERE `id` = ?", [id.into()])
            .await
            .map(drop)
    }

    /// Counts a task in the newest blocks of its lists.
    async fn count(&self, tx: &DatabaseTransaction) -> Outcome {
        let of_party = self.there.parties.iter().map(|party| format!("task/{party}"));
        let lists: Vec<String> = std::iter::once("task".to_owned()).chain(of_party).collect();
        let conflict = match self.kind {
            Kind::Sqlite => "ON CONFLICT (`list`, `below`) DO UPDATE SET",
            Kind::Mariadb => "ON DUPLICATE KEY UPDATE",
        };
        let rows = vec!["(?, ?, ?, ?)"; lists.len()].join(", ");
        let sql = format!(
            "INSERT INTO `block` (`list`, `below`, `since`, `held`) VALUES {rows} {conflict} `held` = `block`.`held` + ?"
        );
        let of = |list: &String| [list.as_str().into(), "~".into(), "".into(), 1i64.into()];
        let values = lists.iter().flat_map(of).chain([1i64.into()]);
        self.write(tx, &sql, values).await?;
        let sql = format!(
            "SELECT `list`, `below`, `since`, `held` FROM `block` WHERE `list` IN ({}) AND `below` = ?",
            marks(lists.len())
        );
        let values = lists.iter().map(|list| list.as_str().into()).chain(["~".into()]);
        match tx.query_all_raw(self.statement(&sql, values)).await?.len() {
            there if there == lists.len() => Ok(()),
            there => Err(format!("{there} of {} lists have a newest block", lists.len()).into()),
        }
    }

    /// Lets no run wait any more. Those of the server are not to be among them.
    pub(in crate::rest) async fn empty_queue(&self) -> Outcome {
        let tx = self.begin().await?;
        let sql = "UPDATE `run` SET `queue` = 0, `state` = 'Cancelled', `wake_at` = NULL WHERE `queue` = 1";
        self.write(&tx, sql, []).await?;
        Ok(tx.commit().await?)
    }

    /// Where there may be several servers, it is looked whether this one is still to plan.
    async fn plans(&self, tx: &DatabaseTransaction) -> Outcome {
        let Some(server) = &self.sample.server else {
            return Ok(());
        };
        let sql = "SELECT `epoch` FROM `lease` WHERE `name` = ? AND `holder` = ? AND `epoch` = ? FOR UPDATE";
        let values = ["planner".into(), server.id.clone().into(), server.epoch.into()];
        match tx.query_one_raw(self.statement(sql, values)).await? {
            Some(_) => Ok(()),
            None => Err("nobody plans".into()),
        }
    }

    /// Other servers are told where there may be any.
    async fn note(&self, tx: &DatabaseTransaction) -> Outcome {
        let Some(server) = &self.sample.server else {
            return Ok(());
        };
        let sql = "INSERT INTO `notice` (`server_id`, `body`) VALUES (?, ?)";
        self.write(tx, sql, [server.id.clone().into(), server.notice.clone().into()])
            .await
    }
}

/// An id that begins with its time, as the server's do.
fn new_id() -> String {
    Uuid::now_v7().simple().to_string()
}

/// Microseconds since 1970.
fn now() -> Outcome<i64> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(i64::try_from(since.as_micros())?)
}
