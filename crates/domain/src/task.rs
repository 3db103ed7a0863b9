//! Tasks: a template with participants and policies.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    ids::{Name, PartyId, TaskId, TemplateId},
    policy::Policies,
    template::{Annotations, HyperParameters},
    time::Timestamp,
};

/// A party's part in a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Participant {
    /// The party.
    pub party: PartyId,
    /// The name of its data set. Only the party knows the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
}

/// Parties by what they offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Select {
    /// Labels that they must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// A data set that they must have; it is the one they train on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// No fewer; 1 if absent.
    #[serde(default = "one")]
    pub min: u32,
    /// No more; as many as there are if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
}

fn one() -> u32 {
    1
}

/// What a task says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TaskSpec {
    /// Its unique name.
    pub name: Name,
    /// The template, by id or name.
    pub template: String,
    /// Who takes part.
    #[serde(default)]
    pub participants: Vec<Participant>,
    /// With how many of the participants a run may begin, where the others are away or have no room; all of them if absent. Who is
    /// left out stays so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_parties: Option<u32>,
    /// Who takes part besides: parties that are chosen when a run begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<Select>,
    /// The party whose agent hosts the aggregation role; the center if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregator: Option<PartyId>,
    /// Hyper-parameters over those of the template.
    #[serde(default)]
    pub hyperparameters: HyperParameters,
    /// Switches of the profile that are on.
    #[serde(default)]
    pub switches: Vec<String>,
    /// Deadlines and retries.
    #[serde(default)]
    pub policies: Policies,
    /// A note for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remark: String,
    /// Notes of programs, by name. They are kept and mean nothing to runs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: Annotations,
}

/// A task, as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// The template that the spec names.
    pub template: TemplateId,
    /// What it says.
    pub spec: TaskSpec,
    /// Grows with every change, from 1. A run keeps the one it was started from.
    pub revision: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
}
