//! Templates: what is trained, and how it is started.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    ids::{Name, TemplateId},
    policy::TemplatePolicies,
    profile::Profile,
    resources::Resources,
    time::Timestamp,
};

/// A hyper-parameter's value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A text.
    Text(String),
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
        }
    }
}

/// Notes of programs by name.
pub type Annotations = BTreeMap<String, String>;

/// Hyper-parameters by name.
pub type HyperParameters = BTreeMap<String, Scalar>;

/// What a template says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TemplateSpec {
    /// Its unique name.
    pub name: Name,
    /// The framework profile: `iflearner`, `flower`, or `custom` with `profile` given.
    pub framework: String,
    /// A profile of one's own, where the framework is `custom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// The container image, where the parties run containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The folder that holds the program. Each party maps it to a place of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
    /// What each party's program needs of its machine.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub resources: Resources,
    /// The command that runs beside the data, element by element, with placeholders.
    #[serde(default)]
    pub command: Vec<String>,
    /// Commands of the profile's other roles, where it needs them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub commands: BTreeMap<String, Vec<String>>,
    /// Hyper-parameters.
    #[serde(default)]
    pub hyperparameters: HyperParameters,
    /// How its runs are to be treated.
    #[serde(default, skip_serializing_if = "TemplatePolicies::is_empty")]
    pub policies: TemplatePolicies,
    /// Whether the profile's framework launcher is put before the command.
    #[serde(default = "yes")]
    pub launcher: bool,
    /// A note for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remark: String,
    /// Notes of programs, by name. They are kept and mean nothing to runs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: Annotations,
}

fn yes() -> bool {
    true
}

impl TemplateSpec {
    /// The command for a role of `profile`.
    pub fn command_for(&self, profile: &Profile, role: &str) -> &[String] {
        match self.commands.get(role) {
            Some(command) => command,
            None if profile.data_role() == Some(role) => &self.command,
            None => &[],
        }
    }
}

/// A template, as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Its id.
    pub id: TemplateId,
    /// What it says.
    pub spec: TemplateSpec,
    /// Grows with every change, from 1.
    pub revision: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
}
