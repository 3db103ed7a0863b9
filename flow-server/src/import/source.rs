//! Reads a database of Iflearner Flow, and only that.

use std::collections::BTreeMap;

use flow_api::legacy::FederateData;
use flow_domain::Timestamp;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, QueryResult, Statement};

use super::ImportError;
use crate::service::legacy::{TaskBody, TemplateBody};

/// How many rows are read at a time.
const PAGE: u64 = 500;

/// A row: what it says, or why it cannot be understood.
#[derive(Debug)]
pub(super) struct Row<T> {
    /// The id that it is known by.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) body: Result<T, String>,
    pub(super) created_at: Timestamp,
    pub(super) modified_at: Timestamp,
}

/// The database.
pub(super) struct Source {
    db: DatabaseConnection,
    last_template: Option<String>,
    last_task: Option<i64>,
}

impl Source {
    pub(super) async fn open(url: &str) -> Result<Self, ImportError> {
        // As its own settings and SQLAlchemy's write it.
        let url = url.replacen("mysql+pymysql://", "mysql://", 1);
        Ok(Self {
            db: flow_database::only_read(&url).await?,
            last_template: Some(String::new()),
            last_task: Some(0),
        })
    }

    async fn rows(
        &self,
        table: &'static str,
        text: &str,
        values: Vec<sea_orm::Value>,
    ) -> Result<Vec<QueryResult>, ImportError> {
        let statement = Statement::from_sql_and_values(DbBackend::MySql, text, values);
        let rows = self.db.query_all_raw(statement).await;
        rows.map_err(|source| ImportError::Read { table, source })
    }

    /// The next templates; `None` after the last.
    pub(super) async fn templates(&mut self) -> Result<Option<Vec<Row<TemplateBody>>>, ImportError> {
        const TABLE: &str = "t_template";
        const TEXT: &str = "SELECT id, name, image_url, remark, workdir, command, hyper_parameter, \
                            CAST(UNIX_TIMESTAMP(create_time) AS SIGNED) AS created, CAST(UNIX_TIMESTAMP(modify_time) AS SIGNED) AS modified \
                            FROM t_template WHERE id > ? ORDER BY id LIMIT ?";
        let Some(last) = self.last_template.take() else {
            return Ok(None);
        };
        let found = self.rows(TABLE, TEXT, vec![last.into(), PAGE.into()]).await?;
        let read: Result<Vec<_>, DbErr> = found.iter().map(template).collect();
        let read = read.map_err(|source| ImportError::Read { table: TABLE, source })?;
        self.last_template = found
            .last()
            .map(|row| row.try_get("", "id"))
            .transpose()
            .unwrap_or_default();
        Ok(Some(read).filter(|read| !read.is_empty()))
    }

    /// The next tasks; `None` after the last.
    pub(super) async fn tasks(&mut self) -> Result<Option<Vec<Row<TaskBody>>>, ImportError> {
        const TABLE: &str = "t_task";
        const TEXT: &str = "SELECT id, task_id, template_id, name, remark, \
                            CAST(UNIX_TIMESTAMP(create_time) AS SIGNED) AS created, CAST(UNIX_TIMESTAMP(modify_time) AS SIGNED) AS modified \
                            FROM t_task WHERE id > ? ORDER BY id LIMIT ?";
        const PARTIES: &str = "SELECT party.task_id, party.party_name, party.volumes FROM t_task_party AS party \
                               JOIN t_task AS task ON task.task_id = party.task_id WHERE task.id > ? AND task.id <= ? ORDER BY party.id";
        let Some(last) = self.last_task.take() else {
            return Ok(None);
        };
        let found = self.rows(TABLE, TEXT, vec![last.into(), PAGE.into()]).await?;
        let Some(end) = found.last() else { return Ok(None) };
        let wrong = |source| ImportError::Read { table: TABLE, source };
        let end: i64 = number(end, "id").map_err(wrong)?;
        self.last_task = Some(end);
        let mut parties: BTreeMap<String, Vec<FederateData>> = BTreeMap::new();
        for row in self
            .rows("t_task_party", PARTIES, vec![last.into(), end.into()])
            .await?
        {
            let task: String = row.try_get("", "task_id").map_err(wrong)?;
            parties.entry(task).or_default().push(FederateData {
                federated_id: text(&row, "party_name").map_err(wrong)?.unwrap_or_default(),
                federated_data: text(&row, "volumes").map_err(wrong)?,
            });
        }
        let read: Result<Vec<_>, DbErr> = found.iter().map(|row| task(row, &mut parties)).collect();
        read.map(Some).map_err(wrong)
    }

    pub(super) async fn close(self) {
        // Nothing was written: there is nothing to lose.
        let _ = self.db.close().await;
    }
}

fn text(row: &QueryResult, column: &str) -> Result<Option<String>, DbErr> {
    row.try_get("", column)
}

/// A number, whatever width the column has.
fn number(row: &QueryResult, column: &str) -> Result<i64, DbErr> {
    row.try_get::<i64>("", column)
        .or_else(|_| row.try_get::<i32>("", column).map(i64::from))
}

fn time(row: &QueryResult, column: &str) -> Result<Timestamp, DbErr> {
    let seconds: Option<i64> = row.try_get("", column)?;
    Ok(Timestamp(seconds.unwrap_or_default() * 1_000_000))
}

/// A list that was stored as JSON; one that is not there, or null, is none.
fn list(row: &QueryResult, column: &str) -> Result<Result<Option<Vec<String>>, String>, DbErr> {
    let stored = text(row, column)?.filter(|stored| !stored.is_empty());
    let Some(stored) = stored else { return Ok(Ok(None)) };
    Ok(serde_json::from_str(&stored).map_err(|error| format!("{column} is no list of texts: {error}")))
}

fn template(row: &QueryResult) -> Result<Row<TemplateBody>, DbErr> {
    let name = text(row, "name")?.unwrap_or_default();
    let (command, hyper_parameter) = (list(row, "command")?, list(row, "hyper_parameter")?);
    let (image_url, workdir, remark) = (text(row, "image_url")?, text(row, "workdir")?, text(row, "remark")?);
    let body = command.and_then(|command| {
        Ok(TemplateBody {
            name: name.clone(),
            image_url: image_url.unwrap_or_default(),
            workdir,
            command,
            remark,
            hyper_parameter: hyper_parameter?,
        })
    });
    Ok(Row {
        id: row.try_get::<String>("", "id")?.to_ascii_lowercase(),
        name,
        body,
        created_at: time(row, "created")?,
        modified_at: time(row, "modified")?,
    })
}

fn task(row: &QueryResult, parties: &mut BTreeMap<String, Vec<FederateData>>) -> Result<Row<TaskBody>, DbErr> {
    let id = text(row, "task_id")?.unwrap_or_default();
    let name = text(row, "name")?.unwrap_or_default();
    let body = TaskBody {
        name: name.clone(),
        template_id: text(row, "template_id")?.unwrap_or_default(),
        remark: text(row, "remark")?,
        federate_data: parties.remove(&id).unwrap_or_default(),
    };
    let body = if id.is_empty() {
        Err("it has no task_id".to_owned())
    } else {
        Ok(body)
    };
    Ok(Row {
        id: id.to_ascii_lowercase(),
        name,
        body,
        created_at: time(row, "created")?,
        modified_at: time(row, "modified")?,
    })
}
