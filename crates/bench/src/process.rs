//! What the kernel says of a process, and of the whole machine.

use std::{fs, time::Duration};

use crate::Outcome;

/// Bytes of memory that a process has alone, and its share of what it has with others.
pub(crate) fn memory(pid: u32) -> Outcome<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    kilobytes(&text, "Pss:").ok_or_else(|| format!("process {pid} has no Pss").into())
}

/// Processor time that a process has taken so far, all threads, user and kernel.
pub(crate) fn processor(pid: u32) -> Outcome<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    ticks(&text)
        .map(duration)
        .ok_or_else(|| format!("/proc/{pid}/stat cannot be read: {text}").into())
}

/// Processor time of the whole machine since it came up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Machine {
    /// What somebody on it was given.
    given: Duration,
    /// What somebody on it was ready for and did not get, as the host had others to serve.
    withheld: Duration,
}

impl Machine {
    /// Until now.
    pub(crate) fn now() -> Outcome<Self> {
        let text = fs::read_to_string("/proc/stat")?;
        Self::read(&text).ok_or_else(|| "/proc/stat cannot be read".into())
    }

    /// The first line: user, nice, system, idle, iowait, irq, softirq, steal. What guests use is in user.
    fn read(text: &str) -> Option<Self> {
        let line = text.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Result<Vec<u64>, _> = line.split_ascii_whitespace().take(8).map(str::parse).collect();
        let [user, nice, system, _, _, irq, softirq, steal] = ticks.ok()?.try_into().ok()?;
        Some(Self {
            given: duration(user + nice + system + irq + softirq),
            withheld: duration(steal),
        })
    }

    /// What was withheld from then on, for people: where it is much, no other figure says much.
    pub(crate) fn withheld_since(before: Self) -> Outcome<String> {
        let now = Self::now()?;
        let withheld = now.withheld.saturating_sub(before.withheld);
        let wanted = withheld + now.given.saturating_sub(before.given);
        Ok(format!(
            "{:.1} s of {:.1} s",
            withheld.as_secs_f64(),
            wanted.as_secs_f64()
        ))
    }
}

/// The unit of /proc is USER_HZ, which is 100 on every architecture that Linux runs this on.
fn duration(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 10)
}

fn kilobytes(text: &str, field: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    let number: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(number * 1024)
}

/// Fields 14 and 15. The second may have spaces and parentheses, so they are counted from its end.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_proc_are_found() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 5 0 0 0 31 11 0 0 20 0 4 0 99 1 2 3";
        assert_eq!(ticks(stat), Some(42));
        assert_eq!(ticks("7 (a) S 1"), None);
        let rollup = "55d - rollup\nRss:     9000 kB\nPss:     4100 kB\n";
        assert_eq!(kilobytes(rollup, "Pss:"), Some(4100 * 1024));
        assert_eq!(kilobytes(rollup, "Swap:"), None);
    }

    #[test]
    fn what_the_host_withholds_is_found() {
        let stat = "cpu  100 5 20 9000 7 1 2 300 40 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n";
        let expected = Machine {
            given: Duration::from_millis(1280),
            withheld: Duration::from_secs(3),
        };
        assert_eq!(Machine::read(stat), Some(expected));
        assert_eq!(Machine::read("cpu0 1 2 3 4 5 6 7 8"), None);
        assert_eq!(Machine::read("cpu  1 2 3"), None);
        assert!(Machine::now().unwrap().given > Duration::ZERO);
    }

    #[test]
    fn this_process_has_memory() {
        assert!(memory(std::process::id()).unwrap() > 100_000);
    }
}
