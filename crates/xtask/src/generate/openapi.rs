//! The OpenAPI document of the REST API, as `flow-server openapi` prints it.

use crate::{Outcome, cargo, workspace};

/// Asks the program, as linking the server into this one would make every task wait for its build.
pub(super) fn document() -> Outcome<String> {
    let printed = cargo::output(cargo::command(workspace::built("flow-server")?).arg("openapi"))?;
    Ok(format!("{}\n", printed.trim_end()))
}
