//! Starts, watches and stops the program of one assignment: as a local process, or as a pod.
//!
//! The [`Launcher`] trait is all that an agent needs to know about *where* a job runs. It is
//! level-triggered: every call states what should be true and may be repeated at will, and
//! [`Launcher::observe`] answers what is true now. Nothing is remembered in memory, so an agent
//! that was killed and started again on the same root carries on where it was.
//!
//! [`kubernetes::KubernetesLauncher`] writes an `IflearnerJob` for each, which the operator makes a pod of.
//! [`process::ProcessLauncher`] runs jobs as local processes. Each has a small supervisor (see
//! [`process::supervise`]) that outlives the agent, copies the output into rotated logs and records
//! the exit status on disk. Linux only.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test ends there"))]

mod container;
mod error;
mod key;
pub mod kubernetes;
mod launch;
mod launcher;
mod log;
mod observed;
pub mod process;
mod proxy;

pub use container::{Container, Files, Mount, Resources, Volume};
pub use error::{LaunchError, LaunchErrorKind};
pub use key::Key;
pub use launch::{Identity, Launch, LogLimits, Prepare, Prepared};
pub use launcher::Launcher;
pub use log::{LogLine, LogQuery, LogStream, Stream};
pub use observed::{Exit, Observed};
pub use proxy::{Answer, Proxy};

/// The environment variable that marks every process of an assignment; its value is the key.
pub const ASSIGNMENT_VARIABLE: &str = "FLOW_ASSIGNMENT";
