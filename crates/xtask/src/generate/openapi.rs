//! The OpenAPI documents of the REST APIs, as `flow-server openapi` and `flow-federate openapi` print them.

use crate::{Outcome, cargo, workspace};

/// Asks that program, as linking it into this one would make every task wait for its build.
pub(super) fn document(program: &str, more: &[&str]) -> Outcome<String> {
    let printed = cargo::output(cargo::command(workspace::built(program)?).arg("openapi").args(more))?;
    Ok(format!("{}\n", printed.trim_end()))
}
