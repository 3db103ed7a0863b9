//! What `/proc` says about processes.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    io::Read,
    path::Path,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

use crate::{ASSIGNMENT_VARIABLE, LaunchError};

/// The kernel bounds arguments and environment to less.
const MAX_ENVIRON_BYTES: u64 = 8 << 20;

/// A process for good: its number may be used again, but not together with its start time.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ProcessId {
    pub(crate) pid: i32,
    /// Clock ticks from boot to its start.
    pub(crate) start_ticks: u64,
}

impl ProcessId {
    /// The process that has the number `pid` now.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        Process::read(pid).map(|process| process.id)
    }

    /// Sends `signal`, unless the number has passed on to another process.
    pub(crate) fn signal(self, signal: Signal) {
        if Self::of(self.pid) == Some(self) {
            // That it ended in between is no failure.
            let _ = kill(Pid::from_raw(self.pid), signal);
        }
    }
}

/// One line of the process table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) id: ProcessId,
    pub(crate) parent: i32,
    pub(crate) group: i32,
    /// Still executing, so not a zombie.
    pub(crate) alive: bool,
}

impl Process {
    fn read(pid: i32) -> Option<Self> {
        Self::parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// `pid (comm) state ppid pgrp …`; comm may contain anything, so it is skipped from behind.
    fn parse(pid: i32, stat: &str) -> Option<Self> {
        let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        let start_ticks = fields.nth(16)?.parse().ok()?;
        let alive = !matches!(state, "Z" | "X" | "x");
        Some(Self {
            id: ProcessId { pid, start_ticks },
            parent,
            group,
            alive,
        })
    }

    /// Whether its environment names the assignment `key`. `false` for what may not be looked at.
    fn carries(&self, key: &str) -> bool {
        let marker = format!("{ASSIGNMENT_VARIABLE}={key}");
        let mut environ = Vec::new();
        let path = format!("/proc/{}/environ", self.id.pid);
        File::open(path)
            .and_then(|file| file.take(MAX_ENVIRON_BYTES).read_to_end(&mut environ))
            .is_ok_and(|_| environ.split(|&byte| byte == 0).any(|v| v == marker.as_bytes()))
    }
}

/// All processes of this machine (or container).
pub(crate) fn processes() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(Process::read)
        .collect()
}

/// The living descendants of the process `ancestor`, without itself.
pub(crate) fn descendants(ancestor: i32) -> Vec<ProcessId> {
    let all = processes();
    with_descendants(&all, HashSet::from([ancestor]))
        .filter(|process| process.id.pid != ancestor)
        .map(|process| process.id)
        .collect()
}

/// What is alive of an assignment whose supervisor is gone: the group of its main process, all
/// that carry its marker, and the descendants of both.
pub(crate) fn remains(key: &str, main: Option<ProcessId>) -> Vec<ProcessId> {
    let all = processes();
    // Without the leader nothing proves that the group is still the job's; the marker has to do.
    let leads = |process: &&Process| Some(process.id) == main;
    let group = all.iter().find(leads).map(|leader| leader.id.pid);
    let roots = all
        .iter()
        .filter(|process| Some(process.group) == group || process.carries(key))
        .map(|process| process.id.pid)
        .collect();
    with_descendants(&all, roots).map(|process| process.id).collect()
}

/// The living ones among `roots` and all that descend from them.
fn with_descendants(all: &[Process], roots: HashSet<i32>) -> impl Iterator<Item = &Process> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for process in all {
        children.entry(process.parent).or_default().push(process.id.pid);
    }
    let mut queue: Vec<i32> = roots.iter().copied().collect();
    let mut found = roots;
    while let Some(pid) = queue.pop() {
        for &child in children.get(&pid).into_iter().flatten() {
            if found.insert(child) {
                queue.push(child);
            }
        }
    }
    all.iter()
        .filter(move |process| process.alive && found.contains(&process.id.pid))
}

/// Identifies the current boot of the machine.
pub(crate) fn boot_id() -> Result<String, LaunchError> {
    let path = Path::new("/proc/sys/kernel/random/boot_id");
    let id = fs::read_to_string(path).map_err(LaunchError::io("read", path))?;
    Ok(id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_hostile_command_names() {
        let line = "7 (a) S 1 (b) R 5 6 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0";
        let process = Process::parse(7, line).unwrap();
        assert_eq!((process.parent, process.group), (5, 6));
        assert_eq!(process.id.start_ticks, 4711);
        assert!(process.alive);
        assert_eq!(Process::parse(7, "7 (a"), None);
    }

    #[test]
    fn a_number_used_again_is_another_process() {
        let me = ProcessId::of(std::process::id() as i32).unwrap();
        let predecessor = ProcessId {
            start_ticks: me.start_ticks.wrapping_sub(1),
            ..me
        };
        // Would end this test if it went through.
        predecessor.signal(Signal::SIGKILL);
        assert_eq!(ProcessId::of(me.pid), Some(me));
    }

    #[test]
    fn finds_grandchildren_but_no_zombies() {
        let process = |pid, parent, alive| Process {
            id: ProcessId { pid, start_ticks: 1 },
            parent,
            group: pid,
            alive,
        };
        let all = [
            process(2, 1, true),
            process(3, 2, false),
            process(4, 3, true),
            process(9, 1, true),
        ];
        let found: Vec<i32> = with_descendants(&all, HashSet::from([2])).map(|p| p.id.pid).collect();
        assert_eq!(found, [2, 4]);
    }
}
