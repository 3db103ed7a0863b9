//! What `/api/v1` is told of templates and tasks, and how much of that their own documents do not hold: what was left out or empty, and the
//! order of a list. That is kept beside, so that clients read what they wrote.

use flow_api::legacy::FederateData;
use flow_domain::{TemplateId, template::Annotations};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The annotation that has it.
const NAME: &str = "iflearner-flow/v1";

/// A template, as it is made and changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateBody {
    /// Its unique name, 3 to 50 characters.
    pub name: String,
    /// The container image, 1 to 255 characters.
    pub image_url: String,
    /// The folder that holds the program.
    #[serde(default)]
    pub workdir: Option<String>,
    /// The command, element by element.
    #[serde(default)]
    pub command: Option<Vec<String>>,
    /// A note for people.
    #[serde(default)]
    pub remark: Option<String>,
    /// Hyper-parameters, as `name=value`.
    #[serde(default)]
    pub hyper_parameter: Option<Vec<String>>,
}

/// A task, as it is made and changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskBody {
    /// Its unique name, 3 to 50 characters.
    pub name: String,
    /// The template's id.
    pub template_id: String,
    /// A note for people.
    #[serde(default)]
    pub remark: Option<String>,
    /// Who takes part: each party, and the name of its data set or a path that it allows.
    pub federate_data: Vec<FederateData>,
}

/// What was written, for reading it again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Written {
    /// The id that it had before it was imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) remark: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) workdir: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) command: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hyper_parameter: Option<Vec<String>>,
    /// The template of a task, and how it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) template: Option<(TemplateId, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) federate_data: Option<Vec<FederateData>>,
}

impl Written {
    /// What was kept; nothing of what was made elsewhere.
    pub(super) fn read(annotations: &Annotations) -> Option<Self> {
        annotations.get(NAME).and_then(|text| serde_json::from_str(text).ok())
    }

    /// Keeps it.
    pub(super) fn keep(&self, annotations: &mut Annotations) {
        // Text and lists of text: there is nothing that JSON could not say.
        let text = serde_json::to_string(self).unwrap_or_default();
        annotations.insert(NAME.to_owned(), text);
    }
}

/// A text that may be left out: what was written if it still says the same, or what is said now.
pub(super) fn text(written: Option<&Written>, of: impl Fn(&Written) -> Option<String>, now: &str) -> Option<String> {
    match written.map(of) {
        Some(before) if before.as_deref().unwrap_or_default() == now => before,
        _ => Some(now.to_owned()).filter(|now| !now.is_empty()),
    }
}
