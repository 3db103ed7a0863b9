//! The processes of jobs, found by the marker that launchers give them.

use std::{
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use flow_launcher::ASSIGNMENT_VARIABLE;

/// A process of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its process id.
    pub pid: i32,
    /// The assignment that it belongs to.
    pub assignment: String,
    /// Its command line, separated by spaces.
    pub command: String,
    /// When it was started, in clock ticks since the boot: with the pid, what makes it unique.
    pub started: u64,
}

/// All processes of jobs whose working directory lies under `root`, and the supervisors of such.
#[must_use]
pub fn jobs_under(root: &Path) -> Vec<Job> {
    let entries = fs::read_dir("/proc").unwrap();
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| job(root, pid)).collect()
}

fn job(root: &Path, pid: i32) -> Option<Job> {
    let proc = PathBuf::from(format!("/proc/{pid}"));
    let environ = fs::read(proc.join("environ")).ok()?;
    let command = fs::read(proc.join("cmdline")).ok()?;
    let marker = format!("{ASSIGNMENT_VARIABLE}=");
    let variable = |name: &str| {
        let mut variables = environ.split(|byte| *byte == 0);
        variables.find_map(|variable| variable.strip_prefix(name.as_bytes()).map(<[u8]>::to_vec))
    };
    let of_root = |text: &[u8]| {
        text.windows(root.as_os_str().len())
            .any(|part| part == root.as_os_str().as_bytes())
    };
    // The last argument of a supervisor is the job's folder.
    let supervised = command.split(|byte| *byte == 0).rfind(|part| !part.is_empty());
    let is_supervisor =
        supervised.is_some_and(|last| of_root(last) && last.windows(13).any(|part| part == b"/assignments/"));
    let is_job = variable(&marker).is_some() && variable("HOME=").is_some_and(|home| of_root(&home));
    if !is_job && !is_supervisor {
        return None;
    }
    let stat = fs::read_to_string(proc.join("stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    if fields.first() == Some(&"Z") {
        return None;
    }
    let assignment = variable(&marker).unwrap_or_default();
    Some(Job {
        pid,
        assignment: String::from_utf8_lossy(&assignment).into_owned(),
        command: String::from_utf8_lossy(&command).replace('\0', " ").trim().to_owned(),
        started: fields.get(19)?.parse().ok()?,
    })
}
