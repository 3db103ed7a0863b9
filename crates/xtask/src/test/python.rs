//! The Python environments that trainings run in, built before the tests so that none waits for them.

use crate::{Outcome, cargo, workspace};

/// Builds them, or takes them from the user's cache.
pub(super) fn prepare() -> Outcome {
    cargo::run(&mut cargo::command(workspace::built("prepare")?))
}
