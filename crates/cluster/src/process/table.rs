//! What `/proc` says about processes.

use std::{
    fs::{self, File},
    io::Read,
    path::Path,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

/// The kernel bounds arguments and environment to less.
const MAX_ENVIRON_BYTES: u64 = 8 << 20;

/// A process for good: its number may be used again, but not together with its start time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// Its number.
    pub pid: i32,
    /// Clock ticks from boot to its start.
    pub start_ticks: u64,
}

impl ProcessId {
    /// The process that runs under that number now; a dead one whose parent has not looked yet does not run.
    #[must_use]
    pub fn of(pid: i32) -> Option<Self> {
        parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// This process.
    #[must_use]
    pub fn own() -> Option<Self> {
        Self::of(i32::try_from(std::process::id()).ok()?)
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Ends it with SIGKILL, unless the number has passed on to another process.
    pub(crate) fn kill(self) {
        if self.is_alive() {
            // That it ended in between is no failure.
            let _ = kill(Pid::from_raw(self.pid), Signal::SIGKILL);
        }
    }
}

/// Every process whose environment has exactly this entry.
pub(crate) fn with_variable(name: &str, value: &Path) -> Vec<ProcessId> {
    let marker = [name.as_bytes(), b"=", value.as_os_str().as_encoded_bytes()].concat();
    let carries = |id: &ProcessId| {
        let mut environ = Vec::new();
        let Ok(file) = File::open(format!("/proc/{}/environ", id.pid)) else {
            return false;
        };
        file.take(MAX_ENVIRON_BYTES).read_to_end(&mut environ).is_ok()
            && environ.split(|byte| *byte == 0).any(|entry| entry == marker)
    };
    all().filter(carries).collect()
}

fn all() -> impl Iterator<Item = ProcessId> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| ProcessId::of(entry.file_name().to_str()?.parse().ok()?))
}

/// `pid (comm) state …`; comm may contain anything, so it is skipped from behind.
fn parse(pid: i32, stat: &str) -> Option<ProcessId> {
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X" | "x") {
        return None;
    }
    let start_ticks = fields.nth(18)?.parse().ok()?;
    Some(ProcessId { pid, start_ticks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_process_table_is_read() {
        let stat = |state| format!("7 (a ) b) {state} 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20");
        let start_ticks = 4242;
        assert_eq!(parse(7, &stat("S")), Some(ProcessId { pid: 7, start_ticks }));
        assert_eq!(parse(7, &stat("Z")), None);
        assert_eq!(parse(7, "7 (x"), None);
    }

    #[test]
    fn this_process_runs_and_an_older_one_of_its_number_does_not() {
        let own = ProcessId::own().unwrap();
        assert!(own.is_alive());
        let older = ProcessId { start_ticks: 1, ..own };
        assert!(!older.is_alive());
    }

    #[test]
    fn a_process_is_found_by_its_environment_and_gone_when_killed() {
        let dir = Path::new("/of/process/table/tests");
        let mut sleep = std::process::Command::new("sleep");
        let mut child = sleep.arg("600").env("FLOW_TABLE_TEST", dir).spawn().unwrap();
        let id = ProcessId::of(i32::try_from(child.id()).unwrap()).unwrap();
        // Until it has executed `sleep`, it has this process's environment.
        let cancel = crate::wait::Cancel::default();
        let limit = std::time::Duration::from_secs(10);
        let found = || Ok((with_variable("FLOW_TABLE_TEST", dir) == [id]).then_some(()));
        cancel.within(limit, "it is found", found).unwrap();
        id.kill();
        cancel
            .within(limit, "it is gone", || Ok((!id.is_alive()).then_some(())))
            .unwrap();
        child.wait().unwrap();
        assert_eq!(with_variable("FLOW_TABLE_TEST", dir), []);
    }
}
