//! Starting, as seen from the agent.

use std::{fs, path::Path, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
    time::timeout,
};

use super::{
    Shared, config::SupervisorCommand, dir::AssignmentDir, program, settle, state::LaunchRecord, supervisor::TakeOff,
};
use crate::{Key, Launch, LaunchError, Observed};

/// The supervisor answers within milliseconds, but the machine may be very busy.
const TAKE_OFF: Duration = Duration::from_secs(30);
/// More than the longest answer.
const MAX_ANSWER: u64 = 4096;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A supervisor is to be sent for.
    Now,
    /// A process was started before.
    AlreadyDone,
}

impl Shared {
    /// Checks that `launch` can be started and writes it down.
    pub(super) fn ask_for_start(&self, dir: &AssignmentDir, key: Key, launch: Launch) -> Result<Asked, LaunchError> {
        let name = || key.to_string();
        if dir.is_released() {
            return Err(LaunchError::Released { key: name() });
        }
        match settle::settle(dir)? {
            Observed::Absent => return Err(LaunchError::NotPrepared { key: name() }),
            Observed::Waiting { .. } | Observed::Running { .. } | Observed::Lost { .. } => {
                return Ok(Asked::AlreadyDone);
            }
            Observed::Exited(_) if dir.started()?.is_some() => return Ok(Asked::AlreadyDone),
            Observed::Exited(_) => return Err(LaunchError::AlreadyStopped { key: name() }),
            Observed::Prepared(_) if dir.stop()?.is_some() => {
                return Err(LaunchError::AlreadyStopped { key: name() });
            }
            Observed::Prepared(_) => {}
        }
        program::find(&launch.argv[0], &launch.env)?;
        if let Some(workdir) = &launch.workdir {
            let unreadable = |source| LaunchError::WorkdirUnreadable {
                path: workdir.clone(),
                source,
            };
            fs::read_dir(workdir).map_err(unreadable)?;
        }
        dir.write_launch(&LaunchRecord {
            key,
            launch,
            cgroup: self.config.cgroup,
        })?;
        Ok(Asked::Now)
    }
}

/// Runs the supervisor and waits until it has started the job or given up.
pub(super) async fn take_off(command: &SupervisorCommand, key: &Key, dir: &Path) -> Result<(), LaunchError> {
    let unavailable = |source| LaunchError::SupervisorUnavailable {
        program: command.program.clone(),
        source,
    };
    let mut outer = Command::new(&command.program)
        .args(&command.args)
        .arg(dir)
        .env_clear()
        .current_dir("/")
        // A Ctrl-C at the agent's terminal is not meant for it.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(unavailable)?;
    let (stdout, stderr) = (outer.stdout.take(), outer.stderr.take());
    // The pipes close when the supervisor is under way, not when it ends.
    let answer = async { tokio::join!(outer.wait(), read(stdout), read(stderr)) };
    let failed = |message: String| LaunchError::SupervisorFailed {
        key: key.to_string(),
        message,
    };
    let (status, stdout, stderr) = timeout(TAKE_OFF, answer)
        .await
        .map_err(|_| failed(format!("no answer within {} s", TAKE_OFF.as_secs())))?;
    match TakeOff::parse(&stdout) {
        Some(TakeOff::Started | TakeOff::AlreadyStarted) => Ok(()),
        Some(TakeOff::Stopped) => Err(LaunchError::AlreadyStopped { key: key.to_string() }),
        Some(TakeOff::Released) => Err(LaunchError::Released { key: key.to_string() }),
        Some(TakeOff::Failed(message)) => Err(failed(message)),
        None => {
            let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            Err(failed(format!(
                "{} ended with {status}: {}",
                command.program.display(),
                stderr.trim()
            )))
        }
    }
}

/// All that comes through the pipe, up to a bound; the rest is left in it.
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // What came before an error is still worth showing.
        let _ = pipe.take(MAX_ANSWER).read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
