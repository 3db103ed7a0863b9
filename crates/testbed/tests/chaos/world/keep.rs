//! Daemons that are kept running, as a service manager does: what ends is started again, unless somebody wants it down.

use std::{collections::BTreeSet, fs, path::PathBuf, time::Duration};

use flow_testbed::{Daemon, signal};
use nix::sys::signal::Signal;
use tokio::time::Instant;

use super::World;
use crate::plan::Who;

/// How long something that ended by itself stays down.
const RESTART: Duration = Duration::from_millis(500);

/// A daemon that is kept running.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// It is down because somebody wants so.
    pub(super) held: bool,
    /// Its end is asked for.
    expected: bool,
    /// It has ended, and is started again then.
    down: Option<Instant>,
    /// Where its log of this life begins.
    log: usize,
    /// The jobs that it had when an ambush was laid.
    pub(super) ambush: Option<BTreeSet<PathBuf>>,
}

impl World {
    /// Starts what has ended, springs ambushes, and thaws.
    pub(super) fn tend(&mut self) {
        let now = Instant::now();
        let whos: Vec<Who> = self.kept.keys().copied().collect();
        for who in whos {
            self.tend_to(who, now);
        }
        self.thaw(now);
    }

    fn tend_to(&mut self, who: Who, now: Instant) {
        self.spring_ambush(who);
        match self.kept[&who].down {
            None => self.note_end(who, now),
            Some(down) if now >= down && !self.kept[&who].held => self.launch(who),
            Some(_) => {}
        }
    }

    fn spring_ambush(&mut self, who: Who) {
        if let Some(there) = &self.kept[&who].ambush
            && !self.ordered(who).is_subset(there)
        {
            self.say(format_args!("{who:?} walks into the ambush"));
            self.kept(who).ambush = None;
            self.bring_down(who, Signal::SIGKILL);
        }
    }

    fn note_end(&mut self, who: Who, now: Instant) {
        let Some(status) = self.daemon(who).exited() else {
            return;
        };
        if self.kept[&who].expected {
            self.kept(who).down = Some(now);
            return;
        }
        self.say(format_args!("{who:?} has ended by itself: {status}"));
        let begins = self.kept[&who].log;
        let log = self.daemon(who).log();
        let life = log.get(begins..).unwrap_or_default();
        self.own_ends.push((who, format!("{status}\n{life}")));
        self.kept(who).down = Some(now + RESTART);
    }

    fn launch(&mut self, who: Who) {
        let log = self.daemon(who).log().len();
        match who {
            Who::Agent(index) => self.system.parties[index].restart(),
            _ => self.system.launch_server(),
        }
        let kept = self.kept(who);
        (kept.down, kept.expected, kept.log) = (None, false, log);
    }

    pub(super) fn bring_down(&mut self, who: Who, how: Signal) {
        let kept = self.kept(who);
        (kept.held, kept.expected) = (true, true);
        self.signal(who, how);
    }

    pub(super) fn signal(&mut self, who: Who, what: Signal) {
        let daemon = self.daemon(who);
        if daemon.exited().is_none() {
            signal(daemon.pid(), what);
        }
    }

    /// The jobs of an agent that a supervisor was, or is about to be, told to start.
    pub(super) fn ordered(&self, who: Who) -> BTreeSet<PathBuf> {
        let data = match who {
            Who::Agent(index) => self.system.parties[index].dir.join("agent"),
            _ => self.system.dir().join("server/center"),
        };
        let entries = fs::read_dir(data.join("assignments")).into_iter().flatten();
        let launches = entries.filter_map(|entry| Some(entry.ok()?.path().join("launch.json")));
        launches.filter(|launch| launch.exists()).collect()
    }

    pub(super) fn kept(&mut self, who: Who) -> &mut Kept {
        self.kept.get_mut(&who).unwrap()
    }

    fn daemon(&mut self, who: Who) -> &mut Daemon {
        match who {
            Who::Agent(index) => &mut self.system.parties[index].agent,
            _ => &mut self.system.server,
        }
    }
}
