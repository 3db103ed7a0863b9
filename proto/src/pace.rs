//! Holds back a peer that says too much: it is read more slowly, and the transport tells it.

use std::time::{Duration, Instant};

/// How many messages of one peer are read within one window.
const MESSAGES: u32 = 500;
const WINDOW: Duration = Duration::from_secs(1);

/// Counts messages in windows of a second.
#[derive(Debug)]
pub struct Pace {
    begun: Instant,
    seen: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self::new()
    }
}

impl Pace {
    /// Nothing counted yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            begun: Instant::now(),
            seen: 0,
        }
    }

    /// Counts a message; says how long to wait before the next is read.
    pub fn count(&mut self, now: Instant) -> Option<Duration> {
        let past = now.saturating_duration_since(self.begun);
        if past >= WINDOW {
            *self = Self { begun: now, seen: 0 };
        }
        self.seen += 1;
        (self.seen > MESSAGES).then(|| WINDOW.saturating_sub(past))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_flood_waits_and_only_for_the_window() {
        let mut pace = Pace::new();
        let start = pace.begun;
        for _ in 0..MESSAGES {
            assert_eq!(pace.count(start), None);
        }
        assert_eq!(pace.count(start), Some(WINDOW));
        assert_eq!(pace.count(start + WINDOW), None);
    }
}
