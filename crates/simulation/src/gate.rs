//! Where a program touches the world: it can be stopped dead at any such touch, as by a kill -9 in that instant.
//!
//! Between two touches nothing that a program does can be seen from outside, so stopping it at each of them is stopping it
//! at each of its awaits that matter. Whoever is stopped never comes back from the await; the simulation then takes the
//! host's whole runtime away.

use std::{
    future::pending,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The touches of one program, from its start to its end.
#[derive(Debug, Default)]
pub(crate) struct Gate(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    touches: u64,
    dies_at: Option<u64>,
    dead: bool,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the program die at its touch after so many more.
    pub(crate) fn die_after(&self, touches: u64) {
        let mut state = self.lock();
        state.dies_at = Some(state.touches + touches);
    }

    /// Whether it died.
    #[must_use]
    pub(crate) fn is_dead(&self) -> bool {
        self.lock().dead
    }

    /// Counts a touch; false if it must not happen any more.
    #[must_use]
    pub(crate) fn touch(&self) -> bool {
        let mut state = self.lock();
        state.touches += 1;
        let touches = state.touches;
        state.dead |= state.dies_at.is_some_and(|at| touches > at);
        !state.dead
    }

    /// Counts a touch, and never returns if it must not happen any more.
    pub(crate) async fn pass(&self) {
        if !self.touch() {
            pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lets_so_many_pass_and_nothing_after() {
        let gate = Gate::default();
        assert!(gate.touch());
        gate.die_after(2);
        assert!(gate.touch() && gate.touch() && !gate.is_dead());
        assert!(!gate.touch() && gate.is_dead() && !gate.touch());
    }
}
