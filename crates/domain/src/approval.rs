//! Approval: what a person decides about a run before it may wait for its turn.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// What somebody says who approves or rejects a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// Who says so, in their own words, as there is no log-in; at most 128 bytes.
    #[serde(default)]
    pub by: String,
    /// Why; at most 4096 bytes.
    #[serde(default)]
    pub comment: String,
}

/// What was decided about a run that asked for approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Approval {
    /// Whether it was approved; rejected otherwise.
    pub granted: bool,
    /// Who said so, where they said who they are.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// Why, where they said so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// When.
    pub at: Timestamp,
}

impl Approval {
    /// `approved by ann: the data was looked at`.
    pub fn in_words(&self) -> String {
        let mut words = if self.granted { "approved" } else { "rejected" }.to_owned();
        if !self.by.is_empty() {
            words = format!("{words} by {}", self.by);
        }
        match self.comment.is_empty() {
            true => words,
            false => format!("{words}: {}", self.comment),
        }
    }
}
