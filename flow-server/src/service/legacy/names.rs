//! How templates and tasks are named in `/api/v1`: by ids of 30 and 32 hexadecimal digits, and by those that they had before an import. And
//! how their jobs are named in a cluster.

use flow_api::legacy::RetCode;
use flow_domain::{
    TaskId, Template, TemplateId,
    profile::{Placement, Profile},
    task::Task,
};

use super::{Denied, document::Written};
use crate::service::Services;

/// The kinds of former ids.
pub(crate) const TEMPLATE: &str = "template";
pub(crate) const TASK: &str = "task";

/// The id by which clients know a task.
pub(super) fn id(task: &Task, written: Option<&Written>) -> String {
    let former = written.and_then(|written| written.id.clone());
    former.unwrap_or_else(|| task.id.to_string())
}

/// What the jobs of a task that was made in `/api/v1` are named by in a cluster, as Iflearner Flow did it: its id. Names tell jobs apart by
/// where they run, so they do for frameworks that have one of each only.
pub(in crate::service) fn job_name(task: &Task, profile: &Profile) -> Option<String> {
    let written = Written::read(&task.spec.annotations)?;
    let is_one = |placement| {
        profile
            .roles
            .values()
            .filter(|role| role.placement == placement)
            .count()
            <= 1
    };
    (is_one(Placement::Aggregator) && is_one(Placement::EachParty))
        .then(|| id(task, Some(&written)).to_ascii_lowercase())
}

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
