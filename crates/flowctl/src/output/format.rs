//! The forms of output.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A table for people
    #[default]
    Table,
    /// JSON, as the API has it
    Json,
    /// The same as YAML
    Yaml,
    /// Only kind and name, for scripts
    Name,
}

impl Format {
    /// Whether programs read it, so that it must be whole.
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Json | Self::Yaml)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Name => "name",
        })
    }
}
