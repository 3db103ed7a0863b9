//! Showing a configuration with the source of each value.

use std::fmt;

use super::trace::Trace;
use super::tree::{Content, Node};
use super::{Source, mask, text};

/// A configuration, and where it came from.
#[derive(Debug, Clone)]
pub struct Loaded<T> {
    /// The settings.
    pub value: T,
    /// Each setting with its source, in the order of the keys. Settings that may be absent and are
    /// so have no value.
    pub sources: Vec<Setting>,
}

/// One setting, as it may be shown to anybody: secrets are masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its dotted key.
    pub key: String,
    /// Its value as TOML; `None` if it is not set.
    pub value: Option<String>,
    /// Where the value came from.
    pub source: Source,
}

impl<T> Loaded<T> {
    /// The settings as a table in text, one a line, for a `config` subcommand.
    pub fn render(&self) -> String {
        self.sources.iter().map(|setting| format!("{setting}\n")).collect()
    }
}

/// `rest.listen = "0.0.0.0:80"  # flow.toml:3`
impl fmt::Display for Setting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(out, "{} = {value}  # {}", self.key, self.source),
            None => write!(out, "# {} is not set", self.key),
        }
    }
}

/// Every leaf of the tree, and every setting that the trace saw to be absent.
pub(super) fn settings(root: &Node, trace: &Trace, secrets: &[String]) -> Vec<Setting> {
    let mut found = Vec::new();
    collect(root, String::new(), secrets, &mut found);
    found.extend(trace.absent().into_iter().map(|key| Setting {
        key,
        value: None,
        source: Source::Default,
    }));
    found.sort_by(|a, b| a.key.cmp(&b.key));
    found
}

fn collect(node: &Node, key: String, secrets: &[String], found: &mut Vec<Setting>) {
    match &node.content {
        Content::Table(children) => {
            for (name, child) in children {
                collect(child, join(&key, name), secrets, found);
            }
        }
        Content::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, format!("{key}[{index}]"), secrets, found);
            }
        }
        Content::Leaf(value) => {
            let source = node.source.clone();
            // Text has no type until it is read: what looks like a number is shown as one, and what
            // looks like a table part by part, for a part may be a secret.
            match node.text().map(text::guess) {
                Some(typed) if typed.is_table() || typed.is_array() => {
                    // Not text any more, so that it comes here no second time.
                    let typed = Node::of_value(typed, &Source::Default);
                    let from = found.len();
                    collect(&typed, key, secrets, found);
                    found
                        .iter_mut()
                        .skip(from)
                        .for_each(|part| part.source = source.clone());
                }
                typed => {
                    let shown = typed.as_ref().unwrap_or(value).to_string();
                    let value = Some(mask::shown(&key, &shown, secrets));
                    found.push(Setting { key, value, source });
                }
            }
        }
    }
}

/// The dotted key of `name` inside `key`.
pub(super) fn join(key: &str, name: &str) -> String {
    if key.is_empty() {
        name.to_owned()
    } else {
        format!("{key}.{name}")
    }
}
