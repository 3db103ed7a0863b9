//! A program on a host: its lives, and the clock of its machine.

use std::sync::{Arc, Mutex, PoisonError};

use flow_daemon::ambient::{Ambient, Chance};

use crate::{gate::Gate, time::Skew};

/// A program that can be killed and started again.
pub(crate) struct Process {
    seed: u64,
    /// The clock of its machine.
    pub(crate) skew: Skew,
    life: Mutex<(u64, Arc<Gate>)>,
}

/// What one life of a program is given.
pub(crate) struct Life {
    pub(crate) gate: Arc<Gate>,
    pub(crate) ambient: Ambient,
    /// From 1.
    pub(crate) number: u64,
}

impl Process {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            skew: Skew::default(),
            life: Mutex::default(),
        }
    }

    /// Begins its next life.
    pub(super) fn begin(&self) -> Life {
        let mut life = self.life.lock().unwrap_or_else(PoisonError::into_inner);
        *life = (life.0 + 1, Arc::default());
        Life {
            gate: life.1.clone(),
            ambient: Ambient {
                clock: self.skew.clock(),
                chance: Chance::seeded(self.seed.wrapping_add(life.0)),
            },
            number: life.0,
        }
    }

    /// The touches of its present life.
    pub(crate) fn gate(&self) -> Arc<Gate> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }
}
