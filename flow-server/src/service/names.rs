//! Things are named by id, or by their unique name.

use flow_domain::{Template, task::Task};

use super::{Refusal, Services};

impl Services {
    /// The template of that id or name.
    ///
    /// # Errors
    /// If there is none.
    pub async fn template(&self, id_or_name: &str) -> Result<Template, Refusal> {
        if let Ok(id) = id_or_name.parse()
            && let Some(found) = self.store.template(id).await?
        {
            return Ok(found);
        }
        let found = self.store.template_named(id_or_name).await?;
        found.ok_or_else(|| Refusal::not_found("template", id_or_name))
    }

    /// The task of that id or name.
    ///
    /// # Errors
    /// If there is none.
    pub async fn task(&self, id_or_name: &str) -> Result<Task, Refusal> {
        if let Ok(id) = id_or_name.parse()
            && let Some(found) = self.store.task(id).await?
        {
            return Ok(found);
        }
        let found = self.store.task_named(id_or_name).await?;
        found.ok_or_else(|| Refusal::not_found("task", id_or_name))
    }
}
