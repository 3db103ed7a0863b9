//! The process between an agent and a job. It belongs to no agent: it starts the job, copies its
//! output, stops it when asked to, and writes down how it ended.

mod detach;
mod ending;
mod job;
mod journal;
mod links;
mod output;
mod signals;
mod take_off;
mod watch;

use std::{
    io::Write,
    path::Path,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use super::{
    dir::AssignmentDir,
    files::FileLock,
    state::{ExitRecord, LaunchRecord},
};
use crate::{Exit, LaunchError};
use journal::Journal;
pub(super) use take_off::TakeOff;

/// How long a supervisor waits for another one to let go of the lock or to start the job.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// How long the end is tried to be written, once a second, while the disk is full.
const WRITE_PATIENCE: Duration = Duration::from_secs(600);

/// The whole of the hidden subcommand that [`SupervisorCommand`](super::SupervisorCommand) names.
///
/// `main` calls it before it does anything else (no thread, no runtime, no open file), with the
/// last argument of the command line, and returns what it answers. The process starts its own
/// program with the same arguments once more in a new session and returns at once; that second
/// process then supervises the assignment in `dir` until it ends.
pub fn supervise(dir: &Path) -> ExitCode {
    let outcome = match detach::is_detached() {
        false => detach::again(dir),
        true => return run(&AssignmentDir::new(dir.to_owned())),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            TakeOff::Failed(format!("cannot detach: {error}")).announce();
            ExitCode::FAILURE
        }
    }
}

fn run(dir: &AssignmentDir) -> ExitCode {
    let mut journal = match detach::complete(dir) {
        Ok(journal) => journal,
        Err(error) => {
            TakeOff::Failed(chain(&error)).announce();
            return ExitCode::FAILURE;
        }
    };
    match serve(dir, &mut journal) {
        Ok(()) => ExitCode::SUCCESS,
        Err(take_off) => {
            journal.note(format_args!("nothing started: {take_off:?}"));
            take_off.announce();
            ExitCode::SUCCESS
        }
    }
}

/// From taking the lock to writing the end. The error says why there was nothing to do.
fn serve(dir: &AssignmentDir, journal: &mut Journal) -> Result<(), TakeOff> {
    let lock = take_lock(dir)?;
    let record = may_start(dir, &lock)?;
    let job = job::start(dir, &record, journal)?;
    TakeOff::Started.announce();
    let exit = match job {
        Ok(running) => watch::Watch::new(dir, &record, running, journal).until_the_end(),
        Err(exit) => exit,
    };
    journal.note(format_args!(
        "ended: code {:?}, signal {:?}, stopped {}, {}",
        exit.code,
        exit.signal,
        exit.stopped,
        exit.message.as_deref().unwrap_or("nothing to add")
    ));
    write_exit(dir, &lock, exit, journal);
    Ok(())
}

/// The lock, or that another supervisor has started the job.
fn take_lock(dir: &AssignmentDir) -> Result<FileLock, TakeOff> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        if dir.started()?.is_some() {
            return Err(TakeOff::AlreadyStarted);
        }
        if let Some(lock) = FileLock::try_take(&dir.lock())? {
            return Ok(lock);
        }
        if Instant::now() >= deadline {
            return Err(TakeOff::Failed("another process holds the assignment's lock".into()));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// What to start, if it may be: all that speaks against it is looked up under the lock.
fn may_start(dir: &AssignmentDir, lock: &FileLock) -> Result<LaunchRecord, TakeOff> {
    if dir.is_released() {
        return Err(TakeOff::Released);
    }
    if dir.started()?.is_some() {
        return Err(TakeOff::AlreadyStarted);
    }
    if dir.stop()?.is_some() || dir.exit()?.is_some() {
        dir.write_never_started(lock)?;
        return Err(TakeOff::Stopped);
    }
    dir.launch()?
        .ok_or_else(|| TakeOff::Failed("there is no launch.json to start".into()))
}

/// Writes the end down, waiting for room on the disk if need be.
fn write_exit(dir: &AssignmentDir, lock: &FileLock, exit: Exit, journal: &mut Journal) {
    let record = ExitRecord { lost: false, exit };
    let deadline = Instant::now() + WRITE_PATIENCE;
    while let Err(error) = dir.write_exit(lock, &record) {
        journal.note(format_args!("{}", chain(&error)));
        if Instant::now() >= deadline || !dir.exists() {
            return;
        }
        thread::sleep(Duration::from_secs(1));
    }
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl From<LaunchError> for TakeOff {
    fn from(error: LaunchError) -> Self {
        Self::Failed(chain(&error))
    }
}

/// Writes to the agent; that it may be gone is no failure.
fn tell_agent(line: &str) {
    let mut stdout = std::io::stdout();
    let _ = stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush());
}
