//! The steps of a longer task: what ran, how long it took, and how it ended.

use std::{
    fmt,
    time::{Duration, Instant},
};

use crate::Outcome;

/// The steps so far.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: String,
    took: Duration,
    passed: bool,
}

impl Steps {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Runs one, and keeps how it went.
    pub(crate) fn run<T>(&mut self, name: &str, step: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        eprintln!("\n==> {name}");
        let start = Instant::now();
        let outcome = step();
        let took = start.elapsed();
        let word = if outcome.is_ok() { "done" } else { "failed" };
        eprintln!("==> {name}: {word} in {:.1} s", took.as_secs_f64());
        self.done.push(Step {
            name: name.to_owned(),
            took,
            passed: outcome.is_ok(),
        });
        outcome
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.done.iter().map(|step| step.name.len()).max().unwrap_or(0);
        for Step { name, took, passed } in &self.done {
            let word = if *passed { "ok" } else { "FAILED" };
            writeln!(f, "  {name:width$}  {:7.1} s  {word}", took.as_secs_f64())?;
        }
        let total: Duration = self.done.iter().map(|step| step.took).sum();
        write!(f, "  {:width$}  {:7.1} s", "", total.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_is_kept_and_told() {
        let mut steps = Steps::new();
        steps.run("first", || Ok(())).unwrap();
        let failed = steps.run("the second", || Err::<(), _>("no".into()));
        assert_eq!(failed.unwrap_err().to_string(), "no");
        let text = steps.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[0].starts_with("  first     ") && lines[0].ends_with(" s  ok"),
            "{text}"
        );
        assert!(
            lines[1].starts_with("  the second") && lines[1].ends_with(" s  FAILED"),
            "{text}"
        );
        assert_eq!(lines.len(), 3);
    }
}
