//! Takes over the templates and tasks of an Iflearner Flow database. What was taken over before is left as it is now, so it can be done
//! again; nothing in the source is changed. Runs are not taken over: a task that is imported was never started here.

mod ids;
mod report;
mod source;

use std::collections::BTreeMap;

use flow_database::ConnectError;
use flow_domain::{Deadlines, TaskId, TaskSpec, Template, TemplateId, run::StartOptions, task::Task, validate};

pub use self::report::{Counts, Report, Skipped};
use self::source::{Row, Source};
use crate::{
    service::legacy::{self, Denied, TASK, TEMPLATE, TaskBody, TemplateBody},
    store::{Store, StoreError},
};

/// Why an import did not come to its end. What was taken over until then is there, and the next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The source cannot be used.
    #[error("cannot use the source")]
    Source(#[from] ConnectError),
    /// The source did not answer as one of Iflearner Flow does.
    #[error("cannot read {table} of the source: is it a database of Iflearner Flow?")]
    Read {
        /// The table.
        table: &'static str,
        /// Why.
        #[source]
        source: sea_orm::DbErr,
    },
    /// Our own database did not do it.
    #[error("cannot write to the database")]
    Store(#[from] StoreError),
}

/// Takes over what is at `from`; with `apply` false it only says what it would do.
///
/// # Errors
/// If the source cannot be read, or the store fails.
pub async fn import(from: &str, store: &Store, apply: bool) -> Result<Report, ImportError> {
    let mut source = Source::open(from).await?;
    let mut importer = Importer {
        store,
        apply,
        templates: BTreeMap::new(),
        report: Report::default(),
    };
    while let Some(rows) = source.templates().await? {
        for row in rows {
            importer.template(row).await?;
        }
    }
    while let Some(rows) = source.tasks().await? {
        for row in rows {
            importer.task(row).await?;
        }
    }
    source.close().await;
    Ok(importer.report)
}

struct Importer<'a> {
    store: &'a Store,
    apply: bool,
    /// The templates that are or would be here, by their former id: tasks refer to them.
    templates: BTreeMap<String, Template>,
    report: Report,
}

impl Importer<'_> {
    async fn template(&mut self, row: Row<TemplateBody>) -> Result<(), ImportError> {
        self.report.templates.read += 1;
        if let Some(known) = self.store.alias(TEMPLATE, &row.id).await? {
            self.report.templates.known += 1;
            // Somebody may have deleted it since.
            if let Ok(id) = known.parse()
                && let Some(template) = self.store.template(id).await?
            {
                self.templates.insert(row.id, template);
            }
            return Ok(());
        }
        let spec = match row
            .body
            .and_then(|body| legacy::template_spec(&body, Some(row.id.clone())).map_err(words))
        {
            Ok(spec) => spec,
            Err(problem) => {
                self.report.templates.skip(TEMPLATE, &row.id, &row.name, problem);
                return Ok(());
            }
        };
        let template = Template {
            id: TemplateId::new(ids::derived(TEMPLATE, &row.id, row.created_at)),
            spec,
            revision: 1,
            created_at: row.created_at,
            modified_at: row.modified_at,
        };
        let named = self.store.template_named(template.spec.name.as_str()).await?;
        if let Some(other) = named.filter(|other| other.id != template.id) {
            let problem = format!("template {} has that name here", other.id);
            self.report.templates.skip(TEMPLATE, &row.id, &row.name, problem);
            return Ok(());
        }
        if self.apply {
            if self.store.template(template.id).await?.is_none() {
                self.store.insert_template(&template, None).await?;
            }
            self.store
                .note_alias(TEMPLATE, &row.id, &template.id.to_string())
                .await?;
        }
        self.report.templates.new += 1;
        self.templates.insert(row.id, template);
        Ok(())
    }

    async fn task(&mut self, row: Row<TaskBody>) -> Result<(), ImportError> {
        self.report.tasks.read += 1;
        if self.store.alias(TASK, &row.id).await?.is_some() {
            self.report.tasks.known += 1;
            return Ok(());
        }
        let (template, spec) = match row.body.and_then(|body| self.task_spec(&body, &row.id)) {
            Ok(made) => made,
            Err(problem) => {
                self.report.tasks.skip(TASK, &row.id, &row.name, problem);
                return Ok(());
            }
        };
        let task = Task {
            id: TaskId(ids::derived(TASK, &row.id, row.created_at)),
            template,
            spec,
            revision: 1,
            created_at: row.created_at,
            modified_at: row.modified_at,
        };
        let named = self.store.task_named(task.spec.name.as_str()).await?;
        if let Some(other) = named.filter(|other| other.id != task.id) {
            let problem = format!("task {} has that name here", other.id);
            self.report.tasks.skip(TASK, &row.id, &row.name, problem);
            return Ok(());
        }
        if self.apply {
            if self.store.task(task.id).await?.is_none() {
                self.store.insert_task(&task, None).await?;
            }
            self.store.note_alias(TASK, &row.id, &task.id.to_string()).await?;
        }
        self.report.tasks.new += 1;
        Ok(())
    }

    fn task_spec(&self, body: &TaskBody, id: &str) -> Result<(TemplateId, TaskSpec), String> {
        let template = self.templates.get(&body.template_id.to_ascii_lowercase());
        let template = template.ok_or_else(|| format!("its template {} is not here", body.template_id))?;
        let spec = legacy::task_spec(body, template, Some(id.to_owned())).map_err(words)?;
        validate::resolve(&template.spec, &spec, &StartOptions::default(), &Deadlines::default())
            .map_err(|violations| violations.to_string())?;
        Ok((template.id, spec))
    }
}

fn words(denied: Denied) -> String {
    match denied {
        Denied::Said(_, message) => message,
        Denied::Failed(refusal) => refusal.detail,
    }
}
