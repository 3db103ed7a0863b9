//! Reads one document into a type, and says of what is wrong where it stands and what would be right.

use flow_domain::nearest;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};
use serde_saphyr::{DeserializeError, MessageFormatter, Options, UserMessageFormatter};

/// What is wrong with a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// The line, from 1.
    pub line: Option<u64>,
    /// Key and problem.
    pub message: String,
}

/// Reads one document.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Wrong> {
    let mut options = Options::default();
    options.with_snippet = false;
    // `no` for a party's name should not become `false`.
    options.strict_booleans = true;
    let mut path = None;
    let read = serde_saphyr::with_deserializer_from_str_with_options(text, options, |document| {
        serde_path_to_error::deserialize(document).map_err(|error| {
            path = Some(error.path().clone());
            error.into_inner()
        })
    });
    read.map_err(|error| Wrong {
        line: error
            .location()
            .map(|location| location.line())
            .filter(|line| *line > 0),
        message: message(path.as_ref(), error.without_snippet()),
    })
}

fn message(path: Option<&Path>, error: &DeserializeError) -> String {
    let at = path.map(shown).unwrap_or_default();
    match error {
        DeserializeError::SerdeUnknownField { field, expected, .. } => {
            // The path leads to the unknown key itself; what is of interest is where it stands.
            let parent = at.strip_suffix(field.as_str()).unwrap_or(&at).trim_end_matches('.');
            let place = if parent.is_empty() {
                String::new()
            } else {
                format!(" in '{parent}'")
            };
            let hint = nearest::hint(field, expected.iter().copied());
            format!("unknown key '{field}'{place}{hint} (there are {})", expected.join(", "))
        }
        DeserializeError::SerdeMissingField { field, .. } => {
            let place = if at.is_empty() {
                String::new()
            } else {
                format!(" in '{at}'")
            };
            format!("the key '{field}' is missing{place}")
        }
        other => {
            let text = plain(UserMessageFormatter.format_message(other).into_owned());
            if at.is_empty() { text } else { format!("{at}: {text}") }
        }
    }
}

/// The parser's words for what people call otherwise.
fn plain(text: String) -> String {
    match text.as_str() {
        "expected sequence start" => "expected a list".to_owned(),
        "expected mapping start" => "expected keys with values, like 'name: digits'".to_owned(),
        "expected string scalar" => "expected a text".to_owned(),
        "invalid u32" => "expected a whole number, 0 or more".to_owned(),
        _ => text,
    }
}

/// The path as the server writes it: `participants[1].party`.
fn shown(path: &Path) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => text.push_str(&format!("[{index}]")),
            Segment::Map { key: name } | Segment::Enum { variant: name } => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
            Segment::Unknown => {}
        }
    }
    text
}
