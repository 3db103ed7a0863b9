//! What rows are made of that are written directly: documents that the server has written.

use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult, Statement, Value};

use crate::Outcome;

/// Documents of real rows.
#[derive(Debug)]
pub(super) struct Sample {
    /// A task's, and the id of its template.
    pub(super) task: String,
    pub(super) template: String,
    pub(super) run: Run,
    /// The first event of that run.
    pub(super) event: String,
    /// Where there may be several servers.
    pub(super) server: Option<Server>,
}

/// The one that plans.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) id: String,
    /// How often that was another's before.
    pub(super) epoch: i64,
    /// What it told others of a run.
    pub(super) notice: String,
}

/// A run's.
#[derive(Debug)]
pub(super) struct Run {
    id: String,
    task: String,
    spec: String,
    status: String,
    said: String,
    needs: String,
}

const RUN: &str = "`id`, `task_id`, `state`, `spec`, `status`, `version`, `changes`, `events`, `wake_at`, `queue`, `said`, `needs`, \
                   `priority`, `arrived_at`, `created_at`";

impl Sample {
    /// Reads them: of the newest task that ran.
    pub(super) async fn read(db: &DatabaseConnection) -> Outcome<Self> {
        let run = one(
            db,
            "SELECT id, task_id, spec, status, said, needs FROM run ORDER BY id DESC LIMIT 1",
        )
        .await?
        .ok_or("there is no run")?;
        let (id, of): (String, String) = (run.try_get("", "id")?, run.try_get("", "task_id")?);
        let task = one(db, &format!("SELECT spec, template_id FROM task WHERE id = '{of}'")).await?;
        let task = task.ok_or("a run without a task")?;
        let event = one(
            db,
            &format!("SELECT body FROM event WHERE run_id = '{id}' ORDER BY sequence LIMIT 1"),
        )
        .await?;
        let server = one(
            db,
            "SELECT holder, epoch, body FROM lease JOIN notice ON server_id = holder \
             WHERE name = 'planner' AND body LIKE '%queue%' ORDER BY notice.id DESC LIMIT 1",
        )
        .await?;
        let event = document(&event.ok_or("a run without an event")?, "body")?;
        Ok(Self {
            task: document(&task, "spec")?,
            template: task.try_get("", "template_id")?,
            run: Run {
                spec: document(&run, "spec")?,
                status: document(&run, "status")?,
                said: run.try_get("", "said")?,
                needs: document(&run, "needs")?,
                id,
                task: of,
            },
            event,
            server: match server {
                Some(row) => Some(Server {
                    id: row.try_get("", "holder")?,
                    epoch: row.try_get("", "epoch")?,
                    notice: row.try_get("", "body")?,
                }),
                None => None,
            },
        })
    }
}

impl Run {
    /// Its status as another one's.
    fn status(&self, id: &str, task: &str) -> String {
        self.status.replace(&self.id, id).replace(&self.task, task)
    }

    /// The statement that stores it as one that was just accepted.
    pub(super) fn insert(&self, id: &str, task: &str, now: i64) -> (String, [Value; 15]) {
        let marks = ["?"; 15].join(", ");
        let values = [
            id.into(),
            task.into(),
            "Submitted".into(),
            self.spec.clone().into(),
            self.status(id, task).into(),
            1i64.into(),
            "".into(),
            1i64.into(),
            now.into(),
            1i64.into(),
            self.said.clone().into(),
            self.needs.clone().into(),
            0i64.into(),
            now.into(),
            now.into(),
        ];
        (format!("INSERT INTO `run` ({RUN}) VALUES ({marks})"), values)
    }

    /// The statement that stores that it waits.
    pub(super) fn update(&self, id: &str, task: &str, now: i64) -> (&'static str, [Value; 11]) {
        let sql = "UPDATE `run` SET `state` = ?, `status` = ?, `version` = ?, `changes` = ?, `events` = ?, `wake_at` = ?, `queue` = ?, \
                   `said` = ?, `arrived_at` = ? WHERE `id` = ? AND `version` = ?";
        let values = [
            "Queued".into(),
            self.status(id, task).into(),
            2i64.into(),
            id.into(),
            2i64.into(),
            now.into(),
            1i64.into(),
            self.said.clone().into(),
            now.into(),
            id.into(),
            1i64.into(),
        ];
        (sql, values)
    }
}

async fn one(db: &DatabaseConnection, sql: &str) -> Outcome<Option<QueryResult>> {
    let select = Statement::from_string(db.get_database_backend(), sql);
    Ok(db.query_one_raw(select).await?)
}

fn document(row: &QueryResult, column: &str) -> Outcome<String> {
    Ok(row.try_get::<serde_json::Value>("", column)?.to_string())
}
