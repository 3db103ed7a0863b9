//! What the dependencies may be, as `deny.toml` says.

use crate::{Outcome, cargo, tools};

/// Checks bans, licenses and sources. Advisories need a database from the network, and change without a commit: they
/// do not belong here.
pub(crate) fn run() -> Outcome {
    let program = tools::DENY.program()?;
    cargo::run(cargo::command(program).args(["--locked", "check", "bans", "licenses", "sources"]))
}
