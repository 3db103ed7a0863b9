//! What an import did, or would do.

use std::fmt;

/// A row that was not taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// What it is: a template or a task.
    pub kind: &'static str,
    /// Its id in the source.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Why.
    pub problem: String,
}

/// How many rows of a kind there were, and what came of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// So many were read.
    pub read: u64,
    /// So many were taken over, or would be.
    pub new: u64,
    /// So many were taken over by an earlier import.
    pub known: u64,
    /// These cannot be.
    pub skipped: Vec<Skipped>,
}

impl Counts {
    pub(super) fn skip(&mut self, kind: &'static str, id: &str, name: &str, problem: String) {
        self.skipped.push(Skipped {
            kind,
            id: id.to_owned(),
            name: name.to_owned(),
            problem,
        });
    }
}

/// What an import did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Templates.
    pub templates: Counts,
    /// Tasks.
    pub tasks: Counts,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, counts) in [("templates", &self.templates), ("tasks", &self.tasks)] {
            let Counts {
                read,
                new,
                known,
                skipped,
            } = counts;
            writeln!(
                f,
                "{name:<9}  {read} read, {new} new, {known} imported before, {} skipped",
                skipped.len()
            )?;
        }
        for Skipped {
            kind,
            id,
            name,
            problem,
        } in self.templates.skipped.iter().chain(&self.tasks.skipped)
        {
            writeln!(f, "skipped {kind} {id} '{name}': {problem}")?;
        }
        Ok(())
    }
}
