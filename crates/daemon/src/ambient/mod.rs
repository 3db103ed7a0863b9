//! What a program takes from its machine besides files and sockets: the time, and chance. Both are handed in, so that a
//! simulation can hand in its own.

mod chance;
mod clock;

pub use self::{
    chance::Chance,
    clock::{Clock, Reading},
};

/// The time and chance of one program. Cheap to clone; clones share both.
#[derive(Debug, Clone)]
pub struct Ambient {
    /// The time.
    pub clock: Clock,
    /// Chance.
    pub chance: Chance,
}

impl Ambient {
    /// Those of this machine.
    #[must_use]
    pub fn of_machine() -> Self {
        Self {
            clock: Clock::of_machine(),
            chance: Chance::of_machine(),
        }
    }
}
