//! Templates as `/api/v1` shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::LegacyTime;

/// A template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateView {
    /// Its id, 30 hex digits.
    pub template_id: String,
    /// Its name.
    pub name: String,
    /// What somebody noted about it.
    pub remark: Option<String>,
    /// The container image.
    pub image_url: Option<String>,
    /// The folder that holds the program.
    pub workdir: Option<String>,
    /// The command, element by element.
    pub command: Option<Vec<String>>,
    /// Hyper-parameters, as `name=value`.
    pub hyper_parameter: Option<Vec<String>>,
    /// When it was made.
    pub create_time: LegacyTime,
    /// When it was last changed.
    pub modify_time: LegacyTime,
}

/// One page of templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplatesView {
    /// The templates of this page.
    pub templates: Vec<TemplateView>,
    /// How many there are on all pages.
    pub template_count: u64,
}

/// A template that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateMade {
    /// Its id, 30 hex digits.
    pub template_id: String,
}
