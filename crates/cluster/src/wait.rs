//! Waiting for a condition: in bounds, and until the caller cancels.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::ClusterError;

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// The caller's wish to stop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cancel(Arc<AtomicBool>);

impl Cancel {
    pub(crate) fn new(flag: Arc<AtomicBool>) -> Self {
        Self(flag)
    }

    /// Fails once the caller has cancelled.
    pub(crate) fn check(&self) -> Result<(), ClusterError> {
        if self.0.load(Ordering::Relaxed) {
            return Err(ClusterError::Cancelled);
        }
        Ok(())
    }

    /// Asks until there is an answer; `Err` of `ask` ends it at once, `Ok(None)` is asked again.
    pub(crate) fn within<T>(
        &self,
        limit: Duration,
        what: &str,
        mut ask: impl FnMut() -> Result<Option<T>, ClusterError>,
    ) -> Result<T, ClusterError> {
        let deadline = Instant::now() + limit;
        loop {
            self.check()?;
            if let Some(answer) = ask()? {
                return Ok(answer);
            }
            if Instant::now() >= deadline {
                let (what, last) = (what.to_owned(), String::new());
                return Err(ClusterError::Late { what, limit, last });
            }
            thread::sleep(LOOK);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_becomes_true_ends_at_the_deadline() {
        let never = Cancel::default().within(Duration::ZERO, "the moon falls", || Ok(None::<()>));
        assert_eq!(never.unwrap_err().to_string(), "the moon falls: not so after 0 s");
    }

    #[test]
    fn a_cancelled_wait_asks_no_more() {
        let cancel = Cancel::new(Arc::new(AtomicBool::new(true)));
        let outcome = cancel.within(Duration::from_secs(9), "x", || -> Result<Option<()>, _> {
            panic!("asked after it was cancelled")
        });
        assert!(matches!(outcome, Err(ClusterError::Cancelled)));
    }
}
