//! The seed that decides what is done when.

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

/// Names the seed of an earlier run, to have the same done at the same times.
const VARIABLE: &str = "FLOW_CHAOS_SEED";

/// A seed. It is told at the start, and again where the test fails.
#[derive(Debug)]
pub(crate) struct Seed(u64);

impl Seed {
    /// The one that the environment names, or a new one.
    pub(crate) fn choose() -> Self {
        let seed = match std::env::var(VARIABLE) {
            Ok(text) => text
                .parse()
                .unwrap_or_else(|_| panic!("{VARIABLE}={text} is no seed: write a number")),
            // Few digits: people copy it.
            Err(_) => rand::rng().random_range(0..1_000_000),
        };
        eprintln!("{VARIABLE}={seed}");
        Self(seed)
    }

    /// This one.
    pub(crate) fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// The choices for one purpose. Those for another do not depend on how many are made.
    pub(crate) fn choices(&self, purpose: u64) -> StdRng {
        StdRng::seed_from_u64(self.0.wrapping_mul(1_000).wrapping_add(purpose))
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- to have the same done again: {VARIABLE}={}", self.0);
        }
    }
}
