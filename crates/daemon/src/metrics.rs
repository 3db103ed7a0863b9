//! The registry that every daemon starts from: its build, and its process as the kernel sees it.

use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

/// The kernel gives times in 1/100 s to every program, whatever its own clock's rate.
const TICKS_PER_SECOND: f64 = 100.0;

/// A registry with `flow_build_info{daemon,version}` and the `process_*` metrics, read at each scrape.
pub fn registry(daemon: &'static str) -> Registry {
    let mut registry = Registry::default();
    let build: Family<Vec<(&'static str, &'static str)>, Gauge> = Family::default();
    build
        .get_or_create(&vec![("daemon", daemon), ("version", crate::version())])
        .set(1);
    registry.register("flow_build_info", "What is running", build);
    registry.register_collector(Box::new(Process));
    registry
}

/// Reads `/proc/self` at each scrape; what cannot be read is left out.
#[derive(Debug)]
struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let mut gauge = |name: &str, help: &str, value: Option<f64>| {
            let Some(value) = value else {
                return Ok(());
            };
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(metric)
        };
        gauge("process_resident_memory_bytes", "Memory in use", resident_memory())?;
        gauge("process_open_fds", "Open file descriptors", open_files())?;
        gauge("process_max_fds", "Limit of open file descriptors", max_files())?;
        let stat = Stat::read();
        gauge("process_threads", "Threads", stat.as_ref().map(|stat| stat.threads))?;
        gauge(
            "process_start_time_seconds",
            "When the process started, in seconds since 1970",
            stat.as_ref().and_then(Stat::started),
        )?;
        if let Some(stat) = stat {
            let help = "Processor time used";
            let metric = encoder.encode_descriptor("process_cpu_seconds", help, None, MetricType::Counter)?;
            ConstCounter::new(stat.cpu_seconds).encode(metric)?;
        }
        Ok(())
    }
}

/// The fields of `/proc/self/stat` that are of use.
struct Stat {
    cpu_seconds: f64,
    threads: f64,
    /// Seconds from boot to the start of the process.
    started_after_boot: f64,
}

impl Stat {
    fn read() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/self/stat").ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        // The second field is the program's name in parentheses, which may hold anything.
        let (_, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        // `rest` starts at the third field of the manual page.
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        Some(Self {
            cpu_seconds: (field(14)? + field(15)?) / TICKS_PER_SECOND,
            threads: field(20)?,
            started_after_boot: field(22)? / TICKS_PER_SECOND,
        })
    }

    fn started(&self) -> Option<f64> {
        let stat = fs::read_to_string("/proc/stat").ok()?;
        let boot: f64 = number_after(&stat, "btime")?;
        Some(boot + self.started_after_boot)
    }
}

fn resident_memory() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    Some(number_after(&status, "VmRSS:")? * 1024.0)
}

fn open_files() -> Option<f64> {
    // One of them is the directory itself, open for the reading.
    let open = fs::read_dir("/proc/self/fd").ok()?.count();
    Some(open.saturating_sub(1) as f64)
}

fn max_files() -> Option<f64> {
    number_after(&fs::read_to_string("/proc/self/limits").ok()?, "Max open files")
}

/// The first number on the line that starts with `label`.
fn number_after(text: &str, label: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(label))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_any_name_is_read() {
        let numbers: Vec<String> = (4..=30).map(|number| format!("{number}00")).collect();
        let stat = Stat::parse(&format!("7 (a) S (b c) R {}", numbers.join(" "))).unwrap();
        assert_eq!(stat.cpu_seconds, 14.0 + 15.0);
        assert_eq!(stat.threads, 2000.0);
        assert_eq!(stat.started_after_boot, 22.0);
        assert!(Stat::parse("").is_none());
    }
}
