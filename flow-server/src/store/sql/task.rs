//! Tasks in the store.

use flow_domain::{TaskId, TemplateId, Timestamp, task::Task};
use uuid::Uuid;

use super::{
    Claim, Created, Sql, StoreError,
    document::{By, Document, Kind},
    from_json, to_json,
};

impl Sql {
    /// Stores a new task.
    ///
    /// # Errors
    /// If its name is taken, or the idempotency key was used for something else.
    pub(in crate::store) async fn insert_task(
        &self,
        task: &Task,
        claim: Option<&Claim>,
    ) -> Result<Created, StoreError> {
        self.insert_document(Kind::Task, row(task)?, claim).await
    }

    /// The task of that id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(in crate::store) async fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        let found = self.find_document(Kind::Task, By::Id(&id.to_string())).await?;
        found.map(read).transpose()
    }

    /// The task of that name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(in crate::store) async fn task_named(&self, name: &str) -> Result<Option<Task>, StoreError> {
        let found = self.find_document(Kind::Task, By::Name(name)).await?;
        found.map(read).transpose()
    }

    /// Tasks, newest first, after the one with id `after`.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(in crate::store) async fn tasks(
        &self,
        name: Option<&str>,
        after: Option<TaskId>,
        limit: u64,
    ) -> Result<Vec<Task>, StoreError> {
        let after = after.map(|id| id.to_string());
        let rows = self.list_documents(Kind::Task, name, after.as_deref(), limit).await?;
        rows.into_iter().map(read).collect()
    }

    /// Stores a changed task, whose revision is one more than the stored one's.
    ///
    /// # Errors
    /// If it was changed meanwhile, or its new name is taken.
    pub(in crate::store) async fn update_task(&self, task: &Task) -> Result<(), StoreError> {
        self.update_document(Kind::Task, row(task)?).await
    }

    /// Deletes a task that no unfinished run executes.
    ///
    /// # Errors
    /// If it was changed meanwhile or is in use.
    pub(in crate::store) async fn delete_task(&self, task: &Task) -> Result<(), StoreError> {
        let id = task.id.to_string();
        self.delete_document(Kind::Task, &id, i64::from(task.revision)).await
    }
}

fn row(task: &Task) -> Result<Document, StoreError> {
    Ok(Document {
        id: task.id.to_string(),
        name: task.spec.name.to_string(),
        revision: i64::from(task.revision),
        spec: to_json("task", &task.spec)?,
        created_at: task.created_at.0,
        modified_at: task.modified_at.0,
        template_id: Some(task.template.to_string()),
        parties: task.spec.participants.iter().map(|one| one.party.to_string()).collect(),
    })
}

pub(super) fn read(row: Document) -> Result<Task, StoreError> {
    let template = row.template_id.unwrap_or_default();
    Ok(Task {
        id: TaskId(Uuid::try_parse(&row.id).unwrap_or_default()),
        template: TemplateId(Uuid::try_parse(&template).unwrap_or_default()),
        spec: from_json("task", row.spec)?,
        revision: u32::try_from(row.revision).unwrap_or(u32::MAX),
        created_at: Timestamp(row.created_at),
        modified_at: Timestamp(row.modified_at),
    })
}
