//! Templates and tasks as the API shows them. What is sent to make or change one is its spec.

use flow_domain::{TaskId, TaskSpec, Template, TemplateId, TemplateSpec, Timestamp, task::Task};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TemplateView {
    /// Its id.
    pub id: TemplateId,
    /// Grows with every change, from 1; also the ETag.
    pub revision: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
    /// What it says.
    pub spec: TemplateSpec,
}

impl From<Template> for TemplateView {
    fn from(template: Template) -> Self {
        Self {
            id: template.id,
            revision: template.revision,
            created_at: template.created_at,
            modified_at: template.modified_at,
            spec: template.spec,
        }
    }
}

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskView {
    /// Its id.
    pub id: TaskId,
    /// The id of its template.
    pub template_id: TemplateId,
    /// Grows with every change, from 1; also the ETag.
    pub revision: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
    /// What it says.
    pub spec: TaskSpec,
}

impl From<Task> for TaskView {
    fn from(task: Task) -> Self {
        Self {
            id: task.id,
            template_id: task.template,
            revision: task.revision,
            created_at: task.created_at,
            modified_at: task.modified_at,
            spec: task.spec,
        }
    }
}
