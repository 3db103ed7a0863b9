//! What can go wrong with a database server of one's own.

use std::{io, path::PathBuf, process::ExitStatus, time::Duration};

use crate::Missing;

/// Why there is no server, or it did not do what it was told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MariaDbError {
    /// This machine does not have it, and cannot get it.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A test asked for it where it is not installed.
    #[error("no MariaDB for this test: run it by `cargo xtask test`, which installs one")]
    NotInstalled(#[source] Missing),
    /// A file or folder could not be used.
    #[error("cannot {action} {}", .path.display())]
    File {
        /// `read`, `write`, `create` …
        action: &'static str,
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program could not be started.
    #[error("cannot start {program}")]
    Start {
        /// Its name.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// A command did not do what it was to do.
    #[error("{program} failed ({status}): {output}")]
    Command {
        /// Its name.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it wrote.
        output: String,
    },
    /// The server ended by itself.
    #[error("mariadbd ended ({status}); its log {} ends with:\n{tail}", .log.display())]
    Ended {
        /// How.
        status: ExitStatus,
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// Something took too long.
    #[error("{what}: not so after {} s; last seen:\n{last}", .limit.as_secs())]
    Late {
        /// What was waited for.
        what: String,
        /// For how long.
        limit: Duration,
        /// The end of the log, or of what was written.
        last: String,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// No free port was found.
    #[error("no port of 127.0.0.1 from {from} to {to} is free: end some of the programs that listen there", from = .range.start, to = .range.end)]
    NoPort {
        /// Where it was looked for.
        range: std::ops::Range<u16>,
    },
    /// The process could not be signalled.
    #[error("cannot signal mariadbd")]
    Signal(#[source] nix::Error),
    /// It is not running now.
    #[error("mariadbd is not running: start it again first")]
    NotRunning,
    /// The URL of a server is not of the kind that is wanted.
    #[error("{variable} is no URL like mysql://user:password@127.0.0.1:3306: correct it, or leave it out")]
    Url {
        /// Where it was said.
        variable: &'static str,
    },
    /// A name that no database may have here.
    #[error("'{0}' is no name for a database: use up to 60 lower-case letters, digits and underscores")]
    Name(String),
}

impl MariaDbError {
    /// For `map_err`: a file's error with what was tried.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
