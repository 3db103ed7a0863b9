//! The log of a demo: into a file, so that the screen is the demo's.

use std::{fs::File, path::Path, sync::Mutex};

use tracing_subscriber::EnvFilter;

/// Sends the process's log into that file. Without one the demo goes on as well.
pub(crate) fn to_file(path: &Path) {
    let Ok(file) = File::create(path) else { return };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // Only the first in a process counts, and there is no other.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(Mutex::new(file))
        .try_init();
}
