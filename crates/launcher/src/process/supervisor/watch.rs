use std::{
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{Signal, killpg},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::Pid,
};

use super::{chain, ending::Ending, job::Job, journal::Journal, signals::Arrived};
use crate::{
    Exit,
    launch::MAX_GRACE,
    process::{
        cgroup::Cgroup,
        dir::AssignmentDir,
        procfs,
        state::{LaunchRecord, now},
    },
};

/// How often a stop is looked for, in case its signal was lost.
const TICK: Duration = Duration::from_secs(1);
/// How long the rest of an ended job is killed again and again before that is given up.
const KILLING: Duration = Duration::from_secs(5);
/// How long output is waited for that somebody outside of the job still may write.
const DRAINING: Duration = Duration::from_secs(2);
/// How long killed processes take to disappear.
const PAUSE: Duration = Duration::from_millis(10);

/// Watches over a job from its start to its end.
pub(super) struct Watch<'a> {
    dir: &'a AssignmentDir,
    record: &'a LaunchRecord,
    journal: &'a mut Journal,
    job: Job,
    stopping: Option<Stopping>,
    next_look: Instant,
    remarks: Vec<String>,
}

struct Stopping {
    /// When the job is killed.
    deadline: Instant,
    grace: Duration,
    killed: bool,
}

impl<'a> Watch<'a> {
    pub(super) fn new(dir: &'a AssignmentDir, record: &'a LaunchRecord, job: Job, journal: &'a mut Journal) -> Self {
        let (next_look, remarks) = (Instant::now(), Vec::new());
        Self {
            dir,
            record,
            journal,
            job,
            stopping: None,
            next_look,
            remarks,
        }
    }

    /// Returns when nothing of the job is left.
    pub(super) fn until_the_end(mut self) -> Exit {
        let ending = loop {
            let arrived = self.wait(self.patience());
            let now = Instant::now();
            // Before reaping: an end is due to a stop only if the stop was known before it.
            if arrived.any || arrived.terminate || now >= self.next_look {
                self.next_look = now + TICK;
                self.look_for_stop(arrived.terminate);
            }
            if let Some(ending) = self.reap() {
                break ending;
            }
            self.kill_when_due();
        };
        let ended_at = now();
        self.kill_rest();
        self.drain();
        if let Some(error) = self.job.output.finish() {
            self.remarks
                .push(format!("some of its output could not be written: {error}"));
        }
        if let Some(cgroup) = self.job.cgroup {
            cgroup.remove();
        }
        Exit {
            code: ending.code,
            signal: ending.signal,
            reason: None,
            stopped: self.stopping.is_some(),
            started_at: self.job.started_at,
            ended_at,
            message: (!self.remarks.is_empty()).then(|| self.remarks.join("; ")),
        }
    }

    /// Until when there is nothing to do unless something happens.
    fn patience(&self) -> Duration {
        let due = self.stopping.as_ref().filter(|stopping| !stopping.killed);
        let next = due.map_or(self.next_look, |stopping| stopping.deadline.min(self.next_look));
        next.saturating_duration_since(Instant::now())
    }

    /// Waits for signals and output, copies the output and answers the signals.
    fn wait(&mut self, patience: Duration) -> Arrived {
        // Rounded up, or the last millisecond is spent spinning.
        let millis = patience.as_millis().saturating_add(1);
        let timeout = PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX);
        let mut fds: Vec<PollFd<'_>> = self
            .job
            .output
            .fds()
            .chain([self.job.signals.fd()])
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            // Never seen; it must not become a busy loop.
            Err(_) => thread::sleep(PAUSE),
        }
        self.job.output.copy();
        self.job.signals.take()
    }

    fn look_for_stop(&mut self, terminated: bool) {
        let asked = match self.dir.stop() {
            Ok(stop) => stop.map(|stop| stop.grace),
            Err(error) => {
                // Somebody wanted an end, but how fast is unreadable.
                self.journal.note(format_args!("{}", chain(&error)));
                Some(self.record.launch.grace)
            }
        };
        let by_signal_only = asked.is_none() && terminated;
        let Some(grace) = asked.or(terminated.then_some(self.record.launch.grace)) else {
            return;
        };
        let deadline = Instant::now() + grace.min(MAX_GRACE);
        match &mut self.stopping {
            None => {
                self.journal
                    .note(format_args!("stopping within {} ms", grace.as_millis()));
                if by_signal_only {
                    let remark = "its supervisor was told to terminate, as when a machine shuts down";
                    self.remarks.push(remark.to_owned());
                }
                self.stopping = Some(Stopping {
                    deadline,
                    grace,
                    killed: false,
                });
                self.signal_group(Signal::SIGTERM);
            }
            Some(stopping) if grace < stopping.grace => {
                self.journal
                    .note(format_args!("stopping faster, within {} ms", grace.as_millis()));
                stopping.grace = grace;
                stopping.deadline = stopping.deadline.min(deadline);
            }
            Some(_) => {}
        }
    }

    /// Collects ended children, orphans of the job included; answers the end of the job itself.
    fn reap(&mut self) -> Option<Ending> {
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            let (pid, ending) = Ending::of(status)?;
            if pid == self.job.pid {
                return Some(ending);
            }
        }
        None
    }

    fn kill_when_due(&mut self) {
        let Some(stopping) = &mut self.stopping else { return };
        if Instant::now() < stopping.deadline {
            return;
        }
        if !stopping.killed {
            stopping.killed = true;
            let grace = stopping.grace.as_millis();
            self.remarks.push(format!("killed after a grace of {grace} ms"));
        }
        self.signal_group(Signal::SIGKILL);
        self.kill_descendants();
    }

    /// Only before the job is reaped: until then nobody else can have its group's number.
    fn signal_group(&self, signal: Signal) {
        // It fails only if there is nobody in the group but zombies.
        let _ = killpg(Pid::from_raw(self.job.pid), signal);
    }

    /// Kills everything below us; answers how many processes that concerned.
    fn kill_descendants(&self) -> usize {
        if let Some(cgroup) = &self.job.cgroup {
            // As subreaper we see all of them in the process table as well; this is just faster
            // than one that forks all the time.
            let _ = cgroup.kill();
        }
        let found = procfs::descendants(std::process::id().cast_signed());
        found.iter().for_each(|process| process.signal(Signal::SIGKILL));
        let populated = self.job.cgroup.as_ref().is_some_and(Cgroup::is_populated);
        found.len().max(usize::from(populated))
    }

    /// The job ends with its main process: kills what is left of it.
    fn kill_rest(&mut self) {
        let deadline = Instant::now() + KILLING;
        loop {
            let left = self.kill_descendants();
            if left == 0 {
                return;
            }
            if Instant::now() >= deadline {
                self.remarks.push(format!("{left} of its processes cannot be killed"));
                return;
            }
            self.wait(PAUSE);
            self.reap();
        }
    }

    /// Reads what is still in the pipes. One that left the job in time could hold them open.
    fn drain(&mut self) {
        let deadline = Instant::now() + DRAINING;
        while self.job.output.is_open() && Instant::now() < deadline {
            self.wait(PAUSE);
        }
    }
}
