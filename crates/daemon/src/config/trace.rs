//! What reading a struct revealed about its settings.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::describe::join;
use super::tree::Node;
use super::{Problem, Source};

/// Below this likeness, 0 to 1, a suggestion would rather puzzle than help.
const ALIKE: f64 = 0.6;

/// The settings that were seen while a struct was read.
#[derive(Debug, Default)]
pub(super) struct Trace {
    /// Every field of every struct, as a dotted key.
    known: RefCell<BTreeSet<String>>,
    /// Fields that the configuration does not set.
    absent: RefCell<BTreeSet<String>>,
    unknown: RefCell<Vec<Unknown>>,
}

#[derive(Debug)]
struct Unknown {
    parent: String,
    name: String,
    source: Source,
    fields: &'static [&'static str],
}

impl Trace {
    /// Notes that the table at `key` is read as a struct of `fields`.
    pub(super) fn note_struct(&self, key: &str, children: &BTreeMap<String, Node>, fields: &'static [&'static str]) {
        for field in fields {
            let path = join(key, field);
            if !children.contains_key(*field) {
                self.absent.borrow_mut().insert(path.clone());
            }
            self.known.borrow_mut().insert(path);
        }
        let unknown = children.iter().filter(|(name, _)| !fields.contains(&name.as_str()));
        self.unknown.borrow_mut().extend(unknown.map(|(name, node)| Unknown {
            parent: key.to_owned(),
            name: name.clone(),
            source: node.source.clone(),
            fields,
        }));
    }

    /// The settings that may be absent, and are.
    pub(super) fn absent(&self) -> Vec<String> {
        self.absent.borrow().iter().cloned().collect()
    }

    /// The keys that are no settings, each with the nearest that is.
    pub(super) fn unknown(&self) -> Vec<Problem> {
        let known = self.known.borrow();
        let unknown = self.unknown.borrow();
        unknown
            .iter()
            .map(|unknown| Problem::Unknown {
                key: join(&unknown.parent, &unknown.name),
                from: unknown.source.clone(),
                suggestion: unknown.suggestion(&known),
            })
            .collect()
    }
}

impl Unknown {
    /// The nearest field beside it, or else a setting of that very name elsewhere, or else the
    /// nearest setting at all.
    fn suggestion(&self, known: &BTreeSet<String>) -> Option<String> {
        let key = join(&self.parent, &self.name);
        let beside = nearest(&self.name, self.fields.iter().copied());
        beside
            .map(|field| join(&self.parent, field))
            .or_else(|| {
                let ending = format!(".{}", self.name);
                known.iter().find(|path| path.ends_with(&ending)).cloned()
            })
            .or_else(|| nearest(&key, known.iter().map(String::as_str)).map(str::to_owned))
    }
}

fn nearest<'k>(name: &str, candidates: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    candidates
        .map(|candidate| {
            let likeness = strsim::normalized_damerau_levenshtein(name, candidate);
            (likeness, candidate)
        })
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}
