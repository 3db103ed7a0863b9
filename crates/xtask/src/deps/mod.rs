//! The architecture as rules: which crate may use which, and what holds for every crate and file.

mod directions;
mod manifests;
mod sources;

use crate::{Outcome, workspace};

/// Something that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
enum Finding {
    /// The check fails.
    Error(String),
    /// It is only told.
    Warning(String),
}

/// Checks all of it; fails with every error found, not only the first.
pub(crate) fn run() -> Outcome {
    let metadata = workspace::metadata()?;
    let mut findings = directions::check(&directions::Graph::of(&metadata));
    findings.extend(manifests::check(&metadata)?);
    findings.extend(sources::check()?);
    let mut errors = 0;
    for finding in &findings {
        match finding {
            Finding::Warning(text) => eprintln!("warning: {text}"),
            Finding::Error(text) => {
                errors += 1;
                eprintln!("error: {text}");
            }
        }
    }
    match errors {
        0 => Ok(()),
        1 => Err("1 rule of the architecture is broken".into()),
        _ => Err(format!("{errors} rules of the architecture are broken").into()),
    }
}
