//! Chance: ids that nobody else has, and pauses that differ.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rand::{Rng, RngCore, SeedableRng, rngs::StdRng};
use uuid::Uuid;

/// A source of ids and jitter. Not for secrets.
#[derive(Clone)]
pub struct Chance(Arc<Mutex<Inner>>);

struct Inner {
    dice: StdRng,
    /// The time of the last id, in units of 1/4096 ms.
    last: u64,
}

impl fmt::Debug for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chance").finish_non_exhaustive()
    }
}

impl Chance {
    /// Seeded by the machine.
    #[must_use]
    pub fn of_machine() -> Self {
        Self::from(StdRng::from_os_rng())
    }

    /// The same every time.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::from(StdRng::seed_from_u64(seed))
    }

    fn from(dice: StdRng) -> Self {
        Self(Arc::new(Mutex::new(Inner { dice, last: 0 })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change under this lock is complete in itself.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An id of version 7, whose order is that of its time, and of the calls where the time is the same. RFC 9562, 6.2,
    /// method 3: the twelve bits after the milliseconds are a fraction of one.
    #[must_use]
    pub fn id_at(&self, micros: i64) -> Uuid {
        let micros = u64::try_from(micros).unwrap_or_default();
        let mut inner = self.lock();
        let time = (micros / 1000 * 4096 + micros % 1000 * 4096 / 1000).max(inner.last + 1);
        inner.last = time;
        let mut more = [0; 10];
        inner.dice.fill_bytes(&mut more);
        let fraction = (time % 4096).to_be_bytes();
        (more[0], more[1]) = (fraction[6], fraction[7]);
        uuid::Builder::from_unix_timestamp_millis(time / 4096, &more).into_uuid()
    }

    /// An id of version 4.
    #[must_use]
    pub fn id(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.lock().dice.fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// A number between one half and one and a half: the factor of a pause that is not to be everybody's.
    #[must_use]
    pub fn jitter(&self) -> f64 {
        self.lock().dice.random_range(0.5..1.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_in_the_order_of_their_time_and_of_the_calls() {
        let chance = Chance::of_machine();
        let times = [
            5_000_000, 5_000_000, 5_000_001, 5_000_999, 5_001_000, 5_000_000, 9_000_000,
        ];
        let ids: Vec<Uuid> = times.iter().map(|at| chance.id_at(*at)).collect();
        assert!(ids.is_sorted() && ids.windows(2).all(|two| two[0] != two[1]), "{ids:?}");
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
        let (seconds, _) = ids[6].get_timestamp().unwrap().to_unix();
        assert_eq!(seconds, 9);
    }

    #[test]
    fn a_seed_gives_the_same_again() {
        let all = |chance: Chance| (chance.id_at(7), chance.id(), chance.jitter());
        assert_eq!(all(Chance::seeded(3)), all(Chance::seeded(3)));
        assert_ne!(all(Chance::seeded(3)), all(Chance::seeded(4)));
    }
}
