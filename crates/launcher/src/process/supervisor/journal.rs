use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use jiff::Timestamp;
use nix::unistd::dup2_stderr;

/// A few lines about what the supervisor itself did: `supervisor.log`. A panic ends up there too.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
}

impl Journal {
    /// Opens the file and makes it the standard error.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        dup2_stderr(&file)?;
        Ok(Self { file })
    }

    /// Adds a line. Failing to (disk full) must not disturb the job.
    pub(super) fn note(&mut self, text: fmt::Arguments<'_>) {
        let _ = writeln!(self.file, "{:.6} {text}", Timestamp::now());
    }
}
