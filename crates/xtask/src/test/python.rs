//! The Python environments that trainings run in, built before the tests so that none waits for them.

use std::path::Path;

use super::{Python, runner};
use crate::{Outcome, cargo, workspace};

/// Builds them, or takes them from the user's cache. What cannot be had is an error, unless it may be missing: then
/// the tests that need it are named.
pub(super) fn prepare(allow_missing: bool, nextest: &Path) -> Outcome<Python> {
    let Err(error) = cargo::run(&mut cargo::command(workspace::built("prepare")?)) else {
        return Ok(Python::Ready);
    };
    if !allow_missing {
        let hint = "tests train with the real frameworks; `cargo xtask test --allow-missing` names those that need them \
                    and runs the others";
        return Err(format!("no Python environment: {error}\nhint: {hint}").into());
    }
    eprintln!("missing: a Python with iflearner and Flower. Not run are:");
    let mut list = runner(nextest);
    list.args([
        "list",
        "--workspace",
        "--profile",
        "no-python",
        "--message-format",
        "oneline",
    ]);
    list.args(["--ignore-default-filter", "--filterset", "not default()"]);
    for test in cargo::output(&mut list)?.lines() {
        eprintln!("  {test}");
    }
    Ok(Python::Missing)
}
