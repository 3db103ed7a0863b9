//! Settings as a tree whose every leaf knows where it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::Value;
use toml::de::{DeTable, DeValue};

use super::text;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Built in.
    Default,
    /// A configuration file.
    File {
        /// Which.
        path: PathBuf,
        /// Where in it, counted from 1.
        line: usize,
    },
    /// The environment variable of this name.
    Env(String),
    /// The command line.
    Flag,
}

impl Source {
    /// Whether its values are text that is read as whatever type the setting has.
    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Env(_) | Self::Flag)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("default"),
            Self::File { path, line } => write!(out, "{}:{line}", path.display()),
            Self::Env(variable) => write!(out, "environment variable {variable}"),
            Self::Flag => out.write_str("command line"),
        }
    }
}

/// A part of the configuration.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) content: Content,
    /// Of a table: where it was first mentioned.
    pub(super) source: Source,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    /// Anything that is set as a whole, arrays of plain values included.
    Leaf(Value),
    Table(BTreeMap<String, Node>),
    /// An array with tables or arrays in it.
    Array(Vec<Node>),
}

impl Node {
    pub(super) fn empty() -> Self {
        Self {
            content: Content::Table(BTreeMap::new()),
            source: Source::Default,
        }
    }

    /// The tree of a value that has one source throughout.
    pub(super) fn of_value(value: Value, source: &Source) -> Self {
        let content = match value {
            Value::Table(table) => Content::Table(
                table
                    .into_iter()
                    .map(|(key, value)| (key, Self::of_value(value, source)))
                    .collect(),
            ),
            Value::Array(items) if items.iter().any(|item| item.is_table() || item.is_array()) => {
                Content::Array(items.into_iter().map(|item| Self::of_value(item, source)).collect())
            }
            value => Content::Leaf(value),
        };
        Self {
            content,
            source: source.clone(),
        }
    }

    /// The tree of a file: `text` as read into `table`, each part with its line.
    pub(super) fn of_file(path: &Path, text: &str, table: toml::Table) -> Result<Self, toml::de::Error> {
        let spans = DeTable::parse(text)?;
        let source = |offset: usize| Source::File {
            path: path.to_owned(),
            line: line_at(text, offset),
        };
        let mut root = Self::of_value(Value::Table(table), &source(0));
        locate(&mut root, &DeValue::Table(spans.into_inner()), &source);
        Ok(root)
    }

    /// Lays `over` on top: tables are merged, anything else is replaced.
    pub(super) fn merge(&mut self, mut over: Self) {
        match (&self.content, &over.content) {
            (Content::Leaf(_), Content::Table(_)) => self.expand(),
            (Content::Table(_), Content::Leaf(_)) => over.expand(),
            _ => {}
        }
        match (&mut self.content, over.content) {
            (Content::Table(below), Content::Table(above)) => {
                for (key, node) in above {
                    match below.get_mut(&key) {
                        Some(existing) => existing.merge(node),
                        None => drop(below.insert(key, node)),
                    }
                }
            }
            (below, above) => {
                *below = above;
                self.source = over.source;
            }
        }
    }

    /// Makes text that stands for a table into that table.
    fn expand(&mut self) {
        if let Some(table) = self.text().and_then(text::table) {
            *self = Self::of_value(Value::Table(table), &self.source);
        }
    }

    /// The text, if this is text of no type yet.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Leaf(Value::String(text)) if self.source.is_text() => Some(text),
            _ => None,
        }
    }

    /// Wraps a leaf into the tables of its key, whose parts come innermost first.
    pub(super) fn at_key<'k>(innermost_first: impl Iterator<Item = &'k str>, value: Value, source: &Source) -> Self {
        let leaf = Self {
            content: Content::Leaf(value),
            source: source.clone(),
        };
        innermost_first.fold(leaf, |inner, part| Self {
            content: Content::Table(BTreeMap::from([(part.to_owned(), inner)])),
            source: source.clone(),
        })
    }
}

fn locate(node: &mut Node, spans: &DeValue<'_>, source: &impl Fn(usize) -> Source) {
    match (&mut node.content, spans) {
        (Content::Table(nodes), DeValue::Table(table)) => {
            for (key, value) in table {
                let key_text: &str = key.get_ref();
                if let Some(child) = nodes.get_mut(key_text) {
                    child.source = source(key.span().start);
                    locate(child, value.get_ref(), source);
                }
            }
        }
        (Content::Array(nodes), DeValue::Array(items)) => {
            for (child, item) in nodes.iter_mut().zip(items.iter()) {
                child.source = source(item.span().start);
                locate(child, item.get_ref(), source);
            }
        }
        // A leaf, or the plain items of a mixed array: the key's line is theirs.
        (Content::Leaf(_), _) => {}
        (Content::Table(_) | Content::Array(_), _) => {}
    }
}

/// The line of a byte offset, counted from 1.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}
