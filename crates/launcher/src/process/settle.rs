//! Finds out what is there, and puts in order what nobody else is left to put in order.

use std::{
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use super::{
    cgroup::Cgroup,
    dir::AssignmentDir,
    files::FileLock,
    procfs,
    state::{ExitRecord, Started, now},
};
use crate::{Exit, LaunchError, Observed};

/// How long the remains of a lost job are killed again and again before that is given up for now.
const KILLING: Duration = Duration::from_secs(5);
/// A process that was about to appear (between fork and exec) has done so after this.
const SETTLING: Duration = Duration::from_millis(30);

/// What is there now. If the supervisor died before its job, this kills the rest of the job and
/// records it as lost. Blocks the thread, as a rule for less than a millisecond.
pub(crate) fn settle(dir: &AssignmentDir) -> Result<Observed, LaunchError> {
    if let Some(record) = dir.exit()? {
        return Ok(observed(record));
    }
    let Some(started) = dir.started()? else {
        return settle_unstarted(dir);
    };
    let running = Observed::Running { since: started.at };
    let Some(lock) = FileLock::try_take(&dir.lock())? else {
        return Ok(running);
    };
    // The supervisor may have written the end and gone since we looked.
    if let Some(record) = dir.exit()? {
        return Ok(observed(record));
    }
    // It may also have written more than we saw.
    let started = dir.started()?.unwrap_or(started);
    settle_lost(dir, &lock, &started)
}

/// Whether the assignment will not do anything any more (or not exist any more).
pub(crate) fn cannot_change(dir: &AssignmentDir) -> Result<bool, LaunchError> {
    Ok(!dir.exists() || dir.is_released() || settle(dir)?.is_final())
}

fn settle_unstarted(dir: &AssignmentDir) -> Result<Observed, LaunchError> {
    let Some(prepared) = dir.prepared()? else {
        return Ok(Observed::Absent);
    };
    if dir.is_released() {
        return Ok(Observed::Absent);
    }
    // If the lock is not free a supervisor takes off, and will see the stop itself.
    if dir.stop()?.is_some()
        && let Some(lock) = FileLock::try_take(&dir.lock())?
    {
        if dir.started()?.is_none() {
            dir.write_never_started(&lock)?;
        }
        drop(lock);
        return match dir.exit()? {
            Some(record) => Ok(observed(record)),
            None => settle(dir),
        };
    }
    Ok(Observed::Prepared(prepared))
}

fn settle_lost(dir: &AssignmentDir, lock: &FileLock, started: &Started) -> Result<Observed, LaunchError> {
    let message = if started.boot_id == procfs::boot_id()? {
        let left = kill_remains(dir, started);
        if left > 0 {
            // So it does run. The next look tries again.
            tracing::warn!(assignment = dir.name(), left, "a lost job cannot be killed");
            return Ok(Observed::Running { since: started.at });
        }
        "supervisor lost: it died before the job, and the rest of the job was killed"
    } else {
        "supervisor lost: the machine was started anew while the job ran"
    };
    tracing::warn!(assignment = dir.name(), detail = message, "job lost");
    let exit = Exit {
        code: None,
        signal: None,
        reason: None,
        stopped: dir.stop()?.is_some(),
        started_at: started.at,
        ended_at: now(),
        message: Some(message.to_owned()),
    };
    dir.write_exit(lock, &ExitRecord { lost: true, exit })?;
    Ok(Observed::Lost {
        message: message.to_owned(),
    })
}

/// Kills what is left and answers how many processes still live.
fn kill_remains(dir: &AssignmentDir, started: &Started) -> usize {
    let cgroup = started.cgroup.as_deref().map(Cgroup::existing);
    let deadline = Instant::now() + KILLING;
    let mut quiet = false;
    loop {
        if let Some(cgroup) = &cgroup {
            // Gone already, or not ours to kill: the process table is looked through as well.
            let _ = cgroup.kill();
        }
        let remains = procfs::remains(&dir.name(), started.job);
        let populated = cgroup.as_ref().is_some_and(Cgroup::is_populated);
        if remains.is_empty() && !populated {
            if quiet {
                break;
            }
            quiet = true;
        } else {
            quiet = false;
        }
        if Instant::now() >= deadline {
            return remains.len().max(usize::from(populated));
        }
        remains.into_iter().for_each(|process| process.signal(Signal::SIGKILL));
        thread::sleep(SETTLING);
    }
    if let Some(cgroup) = cgroup {
        cgroup.remove();
    }
    0
}

fn observed(record: ExitRecord) -> Observed {
    if record.lost {
        let message = record.exit.message.unwrap_or_default();
        Observed::Lost { message }
    } else {
        Observed::Exited(record.exit)
    }
}
