//! Simulated time: one true time for the world, and each machine's own clock, which somebody may set.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use flow_daemon::ambient::{Clock, Reading};

/// Where the world begins: 2026-01-01, in microseconds since the Unix epoch.
const BEGINNING: i64 = 1_767_225_600_000_000;

/// A moment of the simulation, in microseconds since its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment(pub i64);

impl Moment {
    /// What it is now on the host that runs; the beginning, where none does.
    #[must_use]
    pub fn now() -> Self {
        Self::of(turmoil::sim_elapsed().unwrap_or_default())
    }

    /// That long after the beginning.
    #[must_use]
    pub fn of(elapsed: Duration) -> Self {
        Self(i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX))
    }

    /// So many milliseconds later.
    #[must_use]
    pub fn plus(self, millis: u64) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(millis).unwrap_or(i64::MAX).saturating_mul(1000)),
        )
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:03}s", self.0 / 1_000_000, self.0 / 1000 % 1000)
    }
}

/// By how much a machine's clock is off, in microseconds. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Skew(Arc<AtomicI64>);

impl Skew {
    /// Sets the machine's clock forward, or back.
    pub(crate) fn jump(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::Relaxed);
    }

    /// What the machine's clock shows at that moment, in microseconds since the Unix epoch.
    #[must_use]
    pub(crate) fn wall(&self, at: Moment) -> i64 {
        BEGINNING + at.0 + self.0.load(Ordering::Relaxed)
    }

    /// The clock of a program on that machine.
    #[must_use]
    pub(crate) fn clock(&self) -> Clock {
        let skew = self.clone();
        Clock::new(move || {
            let elapsed = turmoil::sim_elapsed().unwrap_or_default();
            Reading {
                wall: skew.wall(Moment::of(elapsed)),
                steady: elapsed,
            }
        })
    }
}
