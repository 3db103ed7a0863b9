//! Jobs and supervisors that are killed or frozen.

use std::time::Duration;

use flow_testbed::{Job, signal};
use nix::sys::signal::Signal;
use tokio::time::Instant;

use super::World;
use crate::plan::Hit;

impl World {
    /// Kills or freezes one of the jobs that run, or its supervisor.
    pub(super) fn hit(&mut self, hit: Hit, choice: u64) {
        let (mut supervisors, mut jobs): (Vec<Job>, Vec<Job>) = self
            .system
            .jobs()
            .into_iter()
            .partition(|job| job.assignment.is_empty());
        for supervisor in &mut supervisors {
            // The last word of its command line is the assignment's folder.
            let own = supervisor.command.rsplit('/').next().unwrap_or_default().to_owned();
            supervisor.assignment = own;
        }
        let among = match hit {
            Hit::FreezeJob(_) | Hit::KillJob => &mut jobs,
            Hit::FreezeSupervisor(_) | Hit::KillSupervisor => &mut supervisors,
        };
        // In the order in which they were started: the nearest there is to the same again.
        among.sort_by_key(|job| (job.started, job.pid));
        let Some(index) = choice.checked_rem(among.len() as u64) else {
            return;
        };
        let job = among.swap_remove(usize::try_from(index).unwrap());
        self.say(format_args!("… {} of {}", job.pid, job.assignment));
        match hit {
            Hit::FreezeJob(lasts) | Hit::FreezeSupervisor(lasts) => {
                signal(job.pid, Signal::SIGSTOP);
                self.frozen
                    .push((Instant::now() + Duration::from_millis(lasts), job.pid));
            }
            Hit::KillJob | Hit::KillSupervisor => {
                signal(job.pid, Signal::SIGKILL);
                self.killed.insert(job.assignment);
            }
        }
    }

    /// Lets go on what was frozen for long enough.
    pub(super) fn thaw(&mut self, now: Instant) {
        self.frozen.retain(|(until, pid)| {
            if *until <= now {
                signal(*pid, Signal::SIGCONT);
            }
            *until > now
        });
    }
}
