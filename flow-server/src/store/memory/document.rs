//! Named documents with a revision, in memory. One piece of code for templates and tasks.

use std::{collections::BTreeMap, fmt::Display};

use flow_domain::{TaskId, Template, TemplateId, Timestamp, task::Task};

use super::{Claim, Created, StoreError, keys::Keys};
use crate::store::kinds::{Numbered, Window};

/// What templates and tasks have in common.
pub(super) trait Document: Clone {
    type Id: Copy + Ord + Display;

    fn id(&self) -> Self::Id;
    fn name(&self) -> &str;
    fn revision(&self) -> u32;
    fn created_at(&self) -> Timestamp;

    /// Takes over what a change does not touch.
    fn keep(&mut self, before: &Self);
}

impl Document for Template {
    type Id = TemplateId;

    fn id(&self) -> TemplateId {
        self.id
    }

    fn name(&self) -> &str {
        self.spec.name.as_str()
    }

    fn revision(&self) -> u32 {
        self.revision
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }

    fn keep(&mut self, before: &Self) {
        self.created_at = before.created_at;
    }
}

impl Document for Task {
    type Id = TaskId;

    fn id(&self) -> TaskId {
        self.id
    }

    fn name(&self) -> &str {
        self.spec.name.as_str()
    }

    fn revision(&self) -> u32 {
        self.revision
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }

    fn keep(&mut self, before: &Self) {
        self.created_at = before.created_at;
    }
}

pub(super) fn named<'a, D: Document>(table: &'a BTreeMap<D::Id, D>, name: &str) -> Option<&'a D> {
    table.values().find(|document| document.name() == name)
}

pub(super) fn insert<D: Document>(
    table: &mut BTreeMap<D::Id, D>,
    keys: &mut Keys,
    document: &D,
    claim: Option<&Claim>,
) -> Result<Created, StoreError> {
    if let Some(before) = keys.before(claim)? {
        return Ok(before);
    }
    if named(table, document.name()).is_some() || table.contains_key(&document.id()) {
        return Err(StoreError::NameTaken(document.name().to_owned()));
    }
    keys.claim(claim, &document.id().to_string(), document.created_at());
    table.insert(document.id(), document.clone());
    Ok(Created::New)
}

/// Newest first; `after` is the last one of the page before.
pub(super) fn list<D: Document>(
    table: &BTreeMap<D::Id, D>,
    name: Option<&str>,
    after: Option<D::Id>,
    limit: u64,
) -> Vec<D> {
    let wanted = |document: &&D| {
        name.is_none_or(|name| document.name() == name) && after.is_none_or(|after| document.id() < after)
    };
    let page = table.values().rev().filter(wanted);
    page.take(usize::try_from(limit).unwrap_or(usize::MAX))
        .cloned()
        .collect()
}

/// A part of what is wanted, newest first.
pub(super) fn page<D: Document>(
    table: &BTreeMap<D::Id, D>,
    window: Window,
    is_wanted: impl Fn(&D) -> bool,
) -> Numbered<D> {
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let wanted = || table.values().rev().filter(|document| is_wanted(document));
    Numbered {
        items: wanted()
            .skip(size(window.skip))
            .take(size(window.limit))
            .cloned()
            .collect(),
        total: wanted().count() as u64,
    }
}

/// Replaces what has the revision before.
pub(super) fn update<D: Document>(table: &mut BTreeMap<D::Id, D>, document: &D) -> Result<(), StoreError> {
    let before = table.get(&document.id());
    let before = before.filter(|before| before.revision() + 1 == document.revision());
    let before = before.ok_or(StoreError::Stale)?;
    if named(table, document.name()).is_some_and(|other| other.id() != document.id()) {
        return Err(StoreError::NameTaken(document.name().to_owned()));
    }
    let mut document = document.clone();
    document.keep(before);
    table.insert(document.id(), document);
    Ok(())
}

/// Deletes what has that revision.
pub(super) fn delete<D: Document>(table: &mut BTreeMap<D::Id, D>, document: &D) -> Result<(), StoreError> {
    let found = table.get(&document.id());
    if found.is_none_or(|found| found.revision() != document.revision()) {
        return Err(StoreError::Stale);
    }
    table.remove(&document.id());
    Ok(())
}
