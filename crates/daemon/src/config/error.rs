//! What is wrong with a configuration: all of it at once, where possible.

use std::fmt;
use std::path::PathBuf;

use super::Source;

/// Everything that was found wrong, at least one problem.
#[derive(Debug)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// The problems, in the order in which they were found.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the configuration is not usable")?;
        for problem in &self.problems {
            write!(out, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.problems.first()?.source()
    }
}

/// One thing that is wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The defaults do not serialize to a table: an error in the daemon, not in its configuration.
    #[error("the built-in defaults are not usable: {0}")]
    Defaults(#[source] toml::ser::Error),
    /// The file is missing or cannot be read.
    #[error("cannot read the configuration file {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is too large.
    #[error("the configuration file {0} is larger than 1 MiB")]
    TooLarge(PathBuf),
    /// The file is not TOML.
    #[error("{path}:{line}: {message}")]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// The line where reading failed, counted from 1.
        line: usize,
        /// What was expected there.
        message: String,
    },
    /// There is no such setting.
    #[error("unknown setting {key:?} ({from}){}", hint(suggestion.as_deref()))]
    Unknown {
        /// The setting as it was written.
        key: String,
        /// Where.
        from: Source,
        /// The nearest setting that there is.
        suggestion: Option<String>,
    },
    /// A variable that almost has the daemon's prefix.
    #[error("environment variable {found} has no effect; did you mean {meant}?")]
    Prefix {
        /// The variable as it is.
        found: String,
        /// With the underscores where they belong.
        meant: String,
    },
    /// A setting's value is of the wrong type or form.
    #[error("setting {key:?} ({from}): {message}")]
    Value {
        /// Which setting.
        key: String,
        /// Where its value came from.
        from: Source,
        /// What was expected.
        message: String,
    },
    /// A setting that has no default was given nowhere.
    #[error("setting {key:?} is required: set it in the file, or as {variable}")]
    Missing {
        /// Which setting.
        key: String,
        /// The environment variable that sets it.
        variable: String,
    },
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |key| format!("; did you mean {key:?}?"))
}
