//! How a machine behaves towards its agent: how long its calls take, and how often they fail.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rand::{Rng, SeedableRng, rngs::StdRng};

/// The present trouble of one machine.
#[derive(Debug)]
pub(crate) struct Trouble(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    dice: StdRng,
    slowest: u64,
    failures: f64,
}

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Toll {
    /// How long it takes before anything happens, and after, in milliseconds.
    pub(super) before: u64,
    pub(super) after: u64,
    /// Whether it fails without having done anything, or although it was done.
    pub(super) fails: Option<Failing>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failing {
    Undone,
    Done,
}

impl Trouble {
    /// None so far.
    #[must_use]
    pub(crate) fn none(seed: u64) -> Self {
        Self(Mutex::new(Inner {
            dice: StdRng::seed_from_u64(seed),
            slowest: 0,
            failures: 0.0,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its calls take up to so many milliseconds from now on, and fail with that probability.
    pub(crate) fn set(&self, slowest: u64, failures: f64) {
        let mut inner = self.lock();
        (inner.slowest, inner.failures) = (slowest, failures);
    }

    pub(super) fn toll(&self) -> Toll {
        let mut inner = self.lock();
        let Inner {
            dice,
            slowest,
            failures,
        } = &mut *inner;
        let mut takes = || {
            if *slowest == 0 {
                0
            } else {
                dice.random_range(0..*slowest)
            }
        };
        let (before, after) = (takes(), takes());
        let fails = (*failures > 0.0 && dice.random_bool(*failures)).then(|| match dice.random_bool(0.5) {
            true => Failing::Undone,
            false => Failing::Done,
        });
        Toll { before, after, fails }
    }
}
