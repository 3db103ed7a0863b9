//! The programs under test, as cargo has built them, and the files that jobs need.

use std::path::{Path, PathBuf};

/// A program of this workspace: it lies beside the test that runs.
///
/// # Panics
/// If it was not built: tests are run with the whole workspace.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let folders = own.ancestors().skip(1).take(3);
    folders
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{name} is not built: run `cargo build --workspace` or `cargo xtask test`"))
}

/// A file or folder beside this crate's source that jobs need.
#[must_use]
pub fn assets(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets").join(name)
}
