//! The way out: stop, release, purge.

use std::{path::Path, time::Duration};

use nix::sys::signal::Signal;

use super::{
    REMOVED,
    dir::AssignmentDir,
    files::{self, FileLock},
    ports::PortRegistry,
    procfs,
    settle::settle,
    state::{StopRequest, now},
};
use crate::{Key, LaunchError, Observed, launch::MAX_GRACE};

/// A supervisor that finds nothing to do lets go of the lock at once.
const PATIENCE: Duration = Duration::from_secs(2);

/// Writes down that the job has to end, and wakes its supervisor.
pub(super) fn stop(dir: &AssignmentDir, grace: Duration) -> Result<(), LaunchError> {
    let grace = grace.min(MAX_GRACE);
    let observed = settle(dir)?;
    if matches!(observed, Observed::Absent) || observed.is_final() {
        return Ok(());
    }
    if dir.stop()?.is_none_or(|earlier| grace < earlier.grace) {
        dir.write_stop(&StopRequest { at: now(), grace })?;
    }
    // Ends what was never started; else the supervisor has to see to it. It looks for the file by
    // itself once in a while, so the signal only makes it faster.
    settle(dir)?;
    if let Some(started) = dir.started()?
        && started.boot_id == procfs::boot_id()?
        && dir.exit()?.is_none()
    {
        started.supervisor.signal(Signal::SIGTERM);
    }
    Ok(())
}

/// Makes sure that nothing runs or ever will, and gives the ports back.
pub(super) fn release(ports: &PortRegistry, dir: &AssignmentDir, key: Key) -> Result<(), LaunchError> {
    if !dir.exists() {
        return Ok(());
    }
    if !dir.is_released() {
        let running = || LaunchError::StillRunning { key: key.to_string() };
        if matches!(settle(dir)?, Observed::Running { .. }) {
            return Err(running());
        }
        let _lock = FileLock::take_within(&dir.lock(), PATIENCE)?.ok_or_else(running)?;
        // A supervisor may have been faster; from here on none can start anything.
        if dir.started()?.is_some() && dir.exit()?.is_none() {
            return Err(running());
        }
        dir.write_released()?;
    }
    // Claims of a released assignment no longer count; this only keeps the registry small.
    if let Some(prepared) = dir.prepared()? {
        ports.lock()?.give_back(dir, prepared.ports.into_values())?;
    }
    Ok(())
}

/// Removes the folder of a released assignment.
pub(super) fn purge(root: &Path, dir: &AssignmentDir, key: Key) -> Result<(), LaunchError> {
    if !dir.exists() {
        return Ok(());
    }
    if !dir.is_released() {
        return Err(LaunchError::NotReleased { key: key.to_string() });
    }
    let aside = format!("{REMOVED}{key}-{}", now());
    files::remove_folder(dir.path(), root.join(aside))
}
