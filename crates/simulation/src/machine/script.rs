//! What a job does, decided before it starts: a function of the seed and of the job's key.

use std::hash::{DefaultHasher, Hash, Hasher};

use rand::{Rng, SeedableRng, rngs::StdRng};

/// Whether the jobs of a task are to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Temper {
    /// They all do what they should.
    Good,
    /// Some do not.
    Rough,
}

/// How a job goes on, apart from what others do to it. Times are in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Script {
    /// From its start until its process runs, as of a pod whose image is pulled.
    pub(crate) waits: u64,
    /// From then until it is ready; never, if absent.
    pub(crate) ready_after: Option<u64>,
    /// From when both it and the aggregator are up until it has registered.
    pub(crate) registers_after: u64,
    /// How long a round takes.
    pub(crate) round: u64,
    /// How many it does.
    pub(crate) rounds: u32,
    /// How long it takes to end when it is asked to.
    pub(crate) stops_in: u64,
    /// What becomes of it.
    pub(crate) fate: Fate,
}

/// What becomes of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It does its work.
    Works,
    /// It ends with that code after so many milliseconds.
    Exits(i32, u64),
    /// The kernel kills it for its memory after so many milliseconds.
    RunsOutOfMemory(u64),
    /// It goes on without getting anywhere after so many rounds.
    Hangs(u32),
    /// Its supervisor is killed, and it is with it, after so many milliseconds.
    LosesSupervisor(u64),
}

impl Script {
    /// The script of the job with that key; all jobs of an attempt train in the same rounds.
    #[must_use]
    pub(crate) fn draw(seed: u64, key: &str, attempt: &str, temper: Temper) -> Self {
        let (mut dice, mut shared) = (dice(seed, key), dice(seed, attempt));
        let pulls = dice.random_bool(0.3);
        let mut script = Self {
            waits: if pulls { dice.random_range(100..1500) } else { 0 },
            ready_after: Some(dice.random_range(20..800)),
            registers_after: dice.random_range(20..800),
            round: shared.random_range(100..900),
            rounds: shared.random_range(1..6),
            stops_in: dice.random_range(10..700),
            fate: Fate::Works,
        };
        if temper == Temper::Rough {
            script.go_wrong(&mut dice);
        }
        script
    }

    /// One job in five does, in one of many ways.
    fn go_wrong(&mut self, dice: &mut StdRng) {
        let after = dice.random_range(0..5_000);
        match dice.random_range(0..40) {
            0 => self.fate = Fate::Exits(1, after),
            1 => self.fate = Fate::Exits(70, after),
            2 => self.fate = Fate::RunsOutOfMemory(after),
            3 => self.fate = Fate::Hangs(dice.random_range(0..3)),
            4 => self.fate = Fate::LosesSupervisor(after),
            5 => self.ready_after = None,
            6 => self.waits = dice.random_range(2_000..12_000),
            7 => self.stops_in = dice.random_range(1_000..60_000),
            _ => {}
        }
    }
}

fn dice(seed: u64, of: &str) -> StdRng {
    let mut hasher = DefaultHasher::new();
    (seed, of, "script").hash(&mut hasher);
    StdRng::seed_from_u64(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_does_the_same_in_every_replay_and_others_do_otherwise() {
        let draw = |seed, key| Script::draw(seed, key, "attempt", Temper::Rough);
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
    }

    #[test]
    fn good_jobs_work_and_some_rough_ones_do_not() {
        let all = |temper| (0..200).map(move |n: u64| Script::draw(n, "job", "attempt", temper));
        let well = |script: &Script| script.fate == Fate::Works && script.ready_after.is_some();
        assert!(all(Temper::Good).all(|script| well(&script)));
        assert!(all(Temper::Rough).filter(|script| !well(script)).count() > 10);
    }
}
