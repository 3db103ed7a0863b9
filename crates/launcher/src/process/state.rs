//! What is written down about an assignment.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{config::CgroupMode, procfs::ProcessId};
use crate::{Exit, Key, Launch};

/// `launch.json`: what the supervisor is to start.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub(crate) struct LaunchRecord {
    pub(crate) key: Key,
    pub(crate) launch: Launch,
    pub(crate) cgroup: CgroupMode,
}

/// `started.json`: from its first writing on, no process is ever started for the key again. It is
/// written before the job is spawned, without `job`, and again after it.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub(crate) struct Started {
    /// Process ids mean nothing after a boot.
    pub(crate) boot_id: String,
    /// Unix microseconds.
    pub(crate) at: i64,
    pub(crate) supervisor: ProcessId,
    pub(crate) job: Option<ProcessId>,
    /// The cgroup made for the job, as an absolute folder.
    pub(crate) cgroup: Option<std::path::PathBuf>,
}

/// `stop.json`: the end of the job was asked for.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub(crate) struct StopRequest {
    /// Unix microseconds.
    pub(crate) at: i64,
    #[serde(rename = "grace_ms", with = "crate::launch::millis")]
    pub(crate) grace: Duration,
}

/// `exit.json`: the end. Written once, by whoever holds the lock.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub(crate) struct ExitRecord {
    /// The supervisor did not live to see the end.
    pub(crate) lost: bool,
    pub(crate) exit: Exit,
}

/// Microseconds since the Unix epoch.
pub(crate) fn now() -> i64 {
    Timestamp::now().as_microsecond()
}
