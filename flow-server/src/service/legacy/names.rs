//! How templates and tasks are named in `/api/v1`: by ids of 30 and 32 hexadecimal digits, and by those that they had before an import.

use flow_api::legacy::RetCode;
use flow_domain::{TaskId, Template, TemplateId, task::Task};

use super::Denied;
use crate::service::Services;

/// The kinds of former ids.
pub(crate) const TEMPLATE: &str = "template";
pub(crate) const TASK: &str = "task";

impl Services {
    /// The template of that id.
    ///
    /// # Errors
    /// If there is none.
    pub async fn legacy_template(&self, id: &str) -> Result<Template, Denied> {
        let known = TemplateId::of_short(id).or_else(|| id.parse().ok());
        if let Some(known) = known
            && let Some(found) = self.store.template(known).await?
        {
            return Ok(found);
        }
        if let Some(found) = self.former(TEMPLATE, id).await?
            && let Some(found) = self.store.template(TemplateId(found)).await?
        {
            return Ok(found);
        }
        Err(Denied::plain(RetCode::TemplateNotFound))
    }

    /// The task of that id.
    ///
    /// # Errors
    /// If there is none.
    pub async fn legacy_task(&self, id: &str) -> Result<Task, Denied> {
        if let Ok(known) = id.parse::<TaskId>()
            && let Some(found) = self.store.task(known).await?
        {
            return Ok(found);
        }
        if let Some(found) = self.former(TASK, id).await?
            && let Some(found) = self.store.task(TaskId(found)).await?
        {
            return Ok(found);
        }
        Err(Denied::plain(RetCode::TaskNotFound))
    }

    async fn former(&self, kind: &str, id: &str) -> Result<Option<uuid::Uuid>, Denied> {
        let found = self.store.alias(kind, &id.to_ascii_lowercase()).await?;
        // Only valid ids were ever written.
        Ok(found.and_then(|id| id.parse().ok()))
    }
}
