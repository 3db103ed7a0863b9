//! Starts, watches and stops the program of one assignment, on one machine.
//!
//! The [`Launcher`] trait is all that an agent needs to know about *where* a job runs. It is
//! level-triggered: every call states what should be true and may be repeated at will, and
//! [`Launcher::observe`] answers what is true now. Nothing is remembered in memory, so an agent
//! that was killed and started again on the same root carries on where it was.
//!
//! [`process::ProcessLauncher`] runs jobs as local processes. Each has a small supervisor (see
//! [`process::supervise`]) that outlives the agent, copies the output into rotated logs and records
//! the exit status on disk. Linux only.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test ends there"))]

mod error;
mod key;
mod launch;
mod launcher;
mod log;
mod observed;
pub mod process;

pub use error::{LaunchError, LaunchErrorKind};
pub use key::Key;
pub use launch::{Launch, LogLimits, Prepare, Prepared};
pub use launcher::Launcher;
pub use log::{LogLine, LogQuery, LogStream, Stream};
pub use observed::{Exit, Observed};

/// The environment variable that marks every process of an assignment; its value is the key.
pub const ASSIGNMENT_VARIABLE: &str = "FLOW_ASSIGNMENT";
