use std::{
    io::{self, PipeWriter},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio, id},
};

use super::{TakeOff, chain, journal::Journal, links, output::Output, signals::Signals};
use crate::{
    ASSIGNMENT_VARIABLE, Exit, LaunchError,
    process::{
        cgroup::Cgroup,
        config::CgroupMode,
        dir::AssignmentDir,
        logs::LogWriter,
        procfs::{self, ProcessId},
        program,
        state::{LaunchRecord, Started, now},
    },
};

/// What a shell answers for a program that it cannot run.
const CANNOT_EXECUTE: i32 = 127;

/// A job that was started.
#[derive(Debug)]
pub(super) struct Job {
    /// Also the number of its process group.
    pub(super) pid: i32,
    pub(super) started_at: i64,
    pub(super) output: Output,
    pub(super) signals: Signals,
    pub(super) cgroup: Option<Cgroup>,
}

/// Starts the job: once and never again. The outer error means that nothing was even tried; the
/// inner one is the end of a job that could not be executed.
pub(super) fn start(
    dir: &AssignmentDir,
    record: &LaunchRecord,
    journal: &mut Journal,
) -> Result<Result<Job, Exit>, TakeOff> {
    if let Some(app) = &record.launch.workdir {
        links::link_entries(app, &dir.work())?;
    }
    let log = LogWriter::open(dir.log(), record.launch.log).map_err(LaunchError::io("begin a log in", dir.log()))?;
    let (output, pipes) = Output::new(log).map_err(LaunchError::io("make pipes for", dir.path()))?;
    let signals = Signals::catch().map_err(LaunchError::io("catch signals for", dir.path()))?;
    let me =
        ProcessId::of(id().cast_signed()).ok_or_else(|| TakeOff::Failed("/proc does not show this process".into()))?;
    let cgroup = make_cgroup(record, journal);
    let mut started = Started {
        boot_id: procfs::boot_id()?,
        at: now(),
        supervisor: me,
        job: None,
        cgroup: cgroup.as_ref().map(|cgroup| cgroup.path().to_owned()),
    };
    // If we die between here and the next writing, nobody starts it a second time.
    dir.write_started(&started)?;
    let spawned = match &cgroup {
        None => spawn(dir, record, pipes),
        Some(cgroup) => {
            let (spawned, moved) = cgroup.around(|| spawn(dir, record, pipes));
            if let Err(error) = moved {
                journal.note(format_args!("moving through the cgroup: {error}"));
            }
            spawned
        }
    };
    match spawned {
        Ok(child) => {
            let pid = child.id().cast_signed();
            // It is not reaped yet, so it is in the process table even if it has ended.
            started.job = ProcessId::of(pid);
            if let Err(error) = dir.write_started(&started) {
                journal.note(format_args!("{}", chain(&error)));
            }
            journal.note(format_args!("started process {pid}, cgroup {:?}", started.cgroup));
            Ok(Ok(Job {
                pid,
                started_at: started.at,
                output,
                signals,
                cgroup,
            }))
        }
        Err(error) => {
            if let Some(cgroup) = cgroup {
                cgroup.remove();
            }
            Ok(Err(not_executed(&record.launch.argv[0], started.at, &error)))
        }
    }
}

fn spawn(dir: &AssignmentDir, record: &LaunchRecord, [stdout, stderr]: [PipeWriter; 2]) -> io::Result<Child> {
    let launch = &record.launch;
    let program = program::find(&launch.argv[0], &launch.env).map_err(io::Error::other)?;
    Command::new(program)
        .arg0(&launch.argv[0])
        .args(&launch.argv[1..])
        .env_clear()
        .envs(&launch.env)
        .env(ASSIGNMENT_VARIABLE, record.key.as_str())
        .current_dir(dir.work())
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
}

fn make_cgroup(record: &LaunchRecord, journal: &mut Journal) -> Option<Cgroup> {
    if record.cgroup == CgroupMode::Off {
        return None;
    }
    Cgroup::create(&format!("flow-{}-{}", record.key, id()))
        .inspect_err(|error| journal.note(format_args!("no cgroup of its own: {error}")))
        .ok()
}

fn not_executed(program: &str, started_at: i64, error: &io::Error) -> Exit {
    Exit {
        code: Some(CANNOT_EXECUTE),
        signal: None,
        reason: None,
        stopped: false,
        started_at,
        ended_at: now(),
        message: Some(format!("could not run {program}: {error}")),
    }
}
