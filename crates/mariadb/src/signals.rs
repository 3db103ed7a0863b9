//! Signals to a process of one's own, and whether it has stopped.

use std::process::Child;

use nix::{
    sys::{
        signal::{Signal, kill},
        wait::{Id, WaitPidFlag, WaitStatus, waitid},
    },
    unistd::Pid,
};

use crate::MariaDbError;

pub(crate) fn send(process: &Child, signal: Signal) -> Result<(), MariaDbError> {
    kill(pid(process), signal).map_err(MariaDbError::Signal)
}

/// `Some` once all its threads have stopped.
pub(crate) fn is_stopped(process: &Child) -> Result<Option<()>, MariaDbError> {
    // It is told each time, not once, and that it has ended is left to be told to who waits for that.
    let flags = WaitPidFlag::WSTOPPED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    let status = waitid(Id::Pid(pid(process)), flags).map_err(MariaDbError::Signal)?;
    Ok(matches!(status, WaitStatus::Stopped(..)).then_some(()))
}

/// It is our child and was not waited for, so the number is still its own.
fn pid(process: &Child) -> Pid {
    Pid::from_raw(i32::try_from(process.id()).unwrap_or(i32::MAX))
}
