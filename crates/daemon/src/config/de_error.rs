//! The error of reading one value, before it is told as a [`Problem`].

use std::fmt;

use serde::de;

use super::describe::join;
use super::{Problem, Source, mask};

/// A value that does not fit, or a setting that is missing.
#[derive(Debug)]
pub(super) struct Error {
    message: String,
    /// The field that a struct lacks; `at` is the struct until then.
    missing: Option<&'static str>,
    at: Option<(String, Source)>,
}

impl Error {
    /// Notes where the error is, unless that is known more exactly already.
    pub(super) fn at(mut self, key: &str, source: &Source) -> Self {
        if self.at.is_none() {
            let key = self.missing.map_or_else(|| key.to_owned(), |field| join(key, field));
            self.at = Some((key, source.clone()));
        }
        self
    }

    pub(super) fn into_problem(self, prefix: &str, secrets: &[String]) -> Problem {
        let (key, from) = self.at.unwrap_or((String::new(), Source::Default));
        if self.missing.is_some() {
            let path = key.to_uppercase().replace('.', "__");
            return Problem::Missing {
                variable: format!("{prefix}__{path}"),
                key,
            };
        }
        let message = if mask::is_secret(&key, secrets) {
            "the value does not fit; it is not shown, for it may be a secret".to_owned()
        } else {
            mask::urls(self.message.trim())
        };
        Problem::Value { key, from, message }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self {
            message: message.to_string(),
            missing: None,
            at: None,
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            missing: Some(field),
            ..Self::custom(format_args!("missing setting {field:?}"))
        }
    }
}

impl From<toml::de::Error> for Error {
    fn from(error: toml::de::Error) -> Self {
        de::Error::custom(error.message())
    }
}
