//! Reads a job's log as it grows, for what the profile looks for in it: metrics, progress, readiness.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use flow_domain::{
    AssignmentSpec, Progress,
    profile::{ProgressSource, Readiness},
};
use flow_launcher::{Key, Launcher, LogQuery};
use futures::StreamExt;
use regex::Regex;
use tokio::task::JoinHandle;

/// What a job's log has told so far. Reading starts at its beginning, so a restarted agent knows the same again.
#[derive(Debug, Default)]
pub(crate) struct Told {
    progress: Mutex<Progress>,
    ready: AtomicBool,
}

impl Told {
    pub(crate) fn progress(&self) -> Progress {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }
}

/// Patterns of one role.
#[derive(Debug)]
struct Patterns {
    metrics: Vec<Regex>,
    progress: Option<Regex>,
    ready: Option<Regex>,
}

impl Patterns {
    /// A pattern that this version cannot read is left out: the profile was checked by the server.
    fn of(spec: &AssignmentSpec) -> Self {
        let compile = |pattern: &String| Regex::new(pattern).ok();
        Self {
            metrics: spec.launch.metrics.iter().filter_map(compile).collect(),
            progress: match &spec.launch.progress {
                Some(ProgressSource::Log { pattern }) => compile(pattern),
                _ => None,
            },
            ready: match &spec.launch.ready {
                Readiness::Log { pattern } => compile(pattern),
                _ => None,
            },
        }
    }

    fn is_empty(&self) -> bool {
        self.metrics.is_empty() && self.progress.is_none() && self.ready.is_none()
    }

    fn read(&self, line: &str, told: &Told) {
        if self.ready.as_ref().is_some_and(|ready| ready.is_match(line)) {
            told.ready.store(true, Ordering::Relaxed);
        }
        let mut news = Progress::default();
        let number =
            |found: &regex::Captures<'_>, group: &str| found.name(group).and_then(|m| m.as_str().parse::<u32>().ok());
        for metric in &self.metrics {
            let Some(found) = metric.captures(line) else { continue };
            let value = found.name("value").and_then(|m| m.as_str().parse::<f64>().ok());
            if let (Some(name), Some(value)) = (found.name("name"), value.filter(|value| value.is_finite())) {
                let name: String = name.as_str().chars().take(64).collect();
                news.metrics.insert(name, value);
                news.round = number(&found, "round").unwrap_or(0);
            }
        }
        if let Some(found) = self.progress.as_ref().and_then(|progress| progress.captures(line)) {
            news.round = number(&found, "round").unwrap_or(0);
            news.total = number(&found, "total");
        }
        if news != Progress::default() {
            told.progress
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .merge(&news);
        }
    }
}

/// A log being read. Dropping it ends the reading.
#[derive(Debug)]
pub(crate) struct Follower {
    pub(crate) told: Arc<Told>,
    task: Option<JoinHandle<()>>,
}

impl Follower {
    /// Starts to read, if the profile looks for anything.
    pub(crate) fn start(launcher: &Arc<dyn Launcher>, key: &Key, spec: &AssignmentSpec) -> Self {
        let told = Arc::new(Told::default());
        let patterns = Patterns::of(spec);
        if patterns.is_empty() {
            return Self { told, task: None };
        }
        let query = LogQuery {
            follow: true,
            ..LogQuery::default()
        };
        let mut lines = launcher.logs(key, query);
        let reader = told.clone();
        let task = tokio::spawn(async move {
            while let Some(Ok(line)) = lines.next().await {
                patterns.read(&line.text, &reader);
            }
        });
        Self { told, task: Some(task) }
    }

    /// Waits until all is read of a job that has ended, but not for ever.
    pub(crate) async fn finish(&mut self) {
        if let Some(task) = self.task.take() {
            let abort = task.abort_handle();
            if tokio::time::timeout(std::time::Duration::from_secs(5), task)
                .await
                .is_err()
            {
                abort.abort();
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_and_rounds_are_read_from_lines() {
        let told = Told::default();
        let patterns = Patterns {
            metrics: vec![Regex::new(r"^flow-metric round=(?P<round>\d+) (?P<name>[\w.-]+)=(?P<value>\S+)$").unwrap()],
            progress: Some(Regex::new(r"\[ROUND (?P<round>\d+)\]").unwrap()),
            ready: Some(Regex::new("listening").unwrap()),
        };
        for line in [
            "listening",
            "flow-metric round=3 accuracy=0.5",
            "flow-metric round=3 loss=nan",
            "INFO : [ROUND 4]",
        ] {
            patterns.read(line, &told);
        }
        let progress = told.progress();
        assert_eq!((progress.round, progress.metrics["accuracy"]), (4, 0.5));
        assert!(!progress.metrics.contains_key("loss"), "not a number is no metric");
        assert!(told.ready());
    }
}
