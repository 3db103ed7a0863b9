//! How results are written: as a table for people, or whole for programs.

mod format;
mod table;
mod text;
mod views;

pub use format::Format;
pub(crate) use table::lay_out;
pub use table::{Row, fields, table};
pub use text::{age, clean, now};
pub(crate) use views::parameters;
pub use views::{members, scalars};

use std::io::{self, IsTerminal as _, Write};

use flow_api::Page;
use serde::Serialize;

use crate::Failure;

/// Where results go, and how.
pub struct Output {
    /// How results are written.
    pub format: Format,
    stdout: io::Stdout,
}

impl Output {
    /// To stdout.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            stdout: io::stdout(),
        }
    }

    /// Writes one line.
    ///
    /// # Errors
    /// If stdout is closed or cannot be written to.
    pub fn line(&self, text: impl AsRef<str>) -> Result<(), Failure> {
        let mut stdout = self.stdout.lock();
        writeln!(stdout, "{}", text.as_ref().trim_end())?;
        // What follows may take its time; and a reader that is gone shows itself here.
        stdout.flush()?;
        Ok(())
    }

    /// Writes one thing.
    ///
    /// # Errors
    /// As [`Self::line`].
    pub fn one<T: Row + Serialize>(&self, item: &T) -> Result<(), Failure> {
        match self.format {
            Format::Table => self.line(table(std::slice::from_ref(item), now())),
            Format::Name => self.line(item.reference()),
            Format::Json | Format::Yaml => self.whole(item),
        }
    }

    /// Writes several things, asked for by name.
    ///
    /// # Errors
    /// As [`Self::line`].
    pub fn many<T: Row + Serialize>(&self, items: &[T]) -> Result<(), Failure> {
        match (self.format, items) {
            (Format::Json | Format::Yaml, [item]) => self.whole(item),
            (Format::Json | Format::Yaml, _) => self.whole(&items),
            (Format::Table, _) => self.line(table(items, now())),
            (Format::Name, _) => items.iter().try_for_each(|item| self.line(item.reference())),
        }
    }

    /// Writes a list. That there is more is said on stderr.
    ///
    /// # Errors
    /// As [`Self::line`].
    pub fn list<T: Row + Serialize>(&self, page: &Page<T>) -> Result<(), Failure> {
        match self.format {
            Format::Json | Format::Yaml => return self.whole(page),
            Format::Table if page.items.is_empty() => note(format!("no {}", T::PLURAL)),
            Format::Table => self.line(table(&page.items, now()))?,
            Format::Name => page.items.iter().try_for_each(|item| self.line(item.reference()))?,
        }
        if page.next.is_some() {
            note(format!("there are more {}: raise --limit", T::PLURAL));
        }
        Ok(())
    }

    /// Says in one line that something was done to a thing, or shows the thing to programs.
    ///
    /// # Errors
    /// As [`Self::line`].
    pub fn done<T: Row + Serialize>(&self, item: &T, done: &str) -> Result<(), Failure> {
        match self.format {
            Format::Table => self.line(format!("{} {done}", item.reference())),
            Format::Name => self.line(item.reference()),
            Format::Json | Format::Yaml => self.whole(item),
        }
    }

    /// Writes something whole, as JSON or YAML.
    ///
    /// # Errors
    /// As [`Self::line`].
    pub fn whole<T: Serialize>(&self, item: &T) -> Result<(), Failure> {
        self.line(match self.format {
            Format::Yaml => yaml(item)?,
            _ => serde_json::to_string_pretty(item)
                .map_err(|error| Failure::internal("cannot write the answer as JSON").because(error))?,
        })
    }

    /// Writes something on one line of JSON, for streams.
    ///
    /// # Errors
    /// As [`Self::line`].
    pub fn json_line<T: Serialize>(&self, item: &T) -> Result<(), Failure> {
        let text = serde_json::to_string(item)
            .map_err(|error| Failure::internal("cannot write the answer as JSON").because(error))?;
        self.line(text)
    }

    /// Writes something as one of several YAML documents, for streams.
    ///
    /// # Errors
    /// As [`Self::line`].
    pub fn yaml_document<T: Serialize>(&self, item: &T) -> Result<(), Failure> {
        self.line(format!("---\n{}", yaml(item)?))
    }
}

/// Something as YAML.
///
/// # Errors
/// If it has no form in YAML, which is a fault of flowctl.
pub fn yaml<T: Serialize>(item: &T) -> Result<String, Failure> {
    serde_saphyr::to_string(item).map_err(|error| Failure::internal("cannot write the answer as YAML").because(error))
}

/// Says something that is no result, on stderr.
pub fn note(text: impl AsRef<str>) {
    // If nobody reads notes, nothing is lost.
    let _ = writeln!(io::stderr(), "{}", text.as_ref());
}

/// Whether moving and coloured output is welcome on stderr.
pub fn lively() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stderr().is_terminal() && !dumb
}
