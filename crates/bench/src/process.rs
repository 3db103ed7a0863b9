//! What the kernel says of a process.

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
        // The unit of /proc is USER_HZ, which is 100 on every architecture that Linux runs this on.
        .map(|ticks| Duration::from_millis(ticks * 10))
        .ok_or_else(|| format!("/proc/{pid}/stat cannot be read: {text}").into())
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
    fn this_process_has_memory() {
        assert!(memory(std::process::id()).unwrap() > 100_000);
    }
}
