//! The definition of the IflearnerJob, as `flow-operator crd` prints it.

use crate::{Outcome, cargo, workspace};

/// Asks the program, as linking it into this one would make every task wait for its build.
pub(super) fn definition() -> Outcome<String> {
    let printed = cargo::output(cargo::command(workspace::built("flow-operator")?).arg("crd"))?;
    Ok(format!("{}\n", printed.trim_end()))
}
