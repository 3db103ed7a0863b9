//! Becoming a process of our own, out of reach of whatever happens to the agent.

use std::{
    env, fs, io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
};

use nix::{
    errno::Errno,
    sys::{prctl, signal::SigSet},
    unistd::{close, setsid},
};

use super::journal::Journal;
use crate::{LaunchError, process::dir::AssignmentDir};

/// Tells the second process that it is the second.
const DETACHED: &str = "FLOW_SUPERVISOR_DETACHED";

pub(super) fn is_detached() -> bool {
    env::var_os(DETACHED).is_some()
}

/// Starts this very program with the same arguments once more. Our caller is then reaped by the
/// agent at once, and the new process belongs to init.
pub(super) fn again(dir: &Path) -> io::Result<()> {
    if !dir.is_absolute() {
        return Err(io::Error::other(format!("{} is not an absolute path", dir.display())));
    }
    close_inherited()?;
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_default();
    // This link leads to the running program even if an upgrade has replaced its file.
    Command::new("/proc/self/exe")
        .arg0(name)
        .args(arguments)
        .env(DETACHED, "1")
        .current_dir("/")
        .stdin(Stdio::null())
        .spawn()
        .map(drop)
}

/// Whoever started the agent may have left files open in it that nobody should find open for as
/// long as the job runs. We have none ourselves yet.
fn close_inherited() -> io::Result<()> {
    let open: Vec<i32> = fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for descriptor in open.into_iter().filter(|&descriptor| descriptor > 2) {
        // The one that listed the folder is closed already.
        let _ = close(descriptor);
    }
    Ok(())
}

/// The second process's part: its own session, its own log, all orphans of the job its children.
pub(super) fn complete(dir: &AssignmentDir) -> Result<Journal, LaunchError> {
    let path = dir.journal();
    let journal = Journal::open(&path).map_err(LaunchError::io("open", path))?;
    let system = |errno: Errno| LaunchError::io("leave the session of the agent for", dir.path())(errno.into());
    setsid().map_err(system)?;
    prctl::set_child_subreaper(true).map_err(system)?;
    SigSet::empty().thread_set_mask().map_err(system)?;
    Ok(journal)
}
