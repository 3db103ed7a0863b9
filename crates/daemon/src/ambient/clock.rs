//! A clock that deadlines can be kept by: it never goes back, and never jumps.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// How much faster or slower than the steady clock it goes while it follows the machine's clock: by one part of so many.
const SLEW: i64 = 20;

/// What the machine's two clocks say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Microseconds since the Unix epoch, by the clock that somebody may set.
    pub wall: i64,
    /// Since some moment, by the clock that nobody can set.
    pub steady: Duration,
}

/// The time of day, for stamps and deadlines.
///
/// It starts at the machine's clock and goes on with the steady one. Where the machine's clock is set to another time, it
/// follows at a twentieth of the speed of time: a deadline of an hour then comes three minutes early or late, and never at once.
#[derive(Clone)]
pub struct Clock {
    read: Arc<dyn Fn() -> Reading + Send + Sync>,
    shown: Arc<Mutex<Shown>>,
}

#[derive(Debug, Clone, Copy)]
struct Shown {
    micros: i64,
    steady: Duration,
    /// How much later than the machine's clock the one is that is followed.
    ahead: i64,
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").finish_non_exhaustive()
    }
}

impl Clock {
    /// The machine's.
    #[must_use]
    pub fn of_machine() -> Self {
        let start = Instant::now();
        Self::new(move || Reading {
            wall: micros(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()),
            steady: start.elapsed(),
        })
    }

    /// One by these readings.
    pub fn new(read: impl Fn() -> Reading + Send + Sync + 'static) -> Self {
        let Reading { wall, steady } = read();
        Self {
            read: Arc::new(read),
            shown: Arc::new(Mutex::new(Shown {
                micros: wall,
                steady,
                ahead: 0,
            })),
        }
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub fn micros(&self) -> i64 {
        let reading = (self.read)();
        // Every change under this lock is complete in itself.
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        *shown = shown.advanced(reading);
        shown.micros
    }

    fn change(&self, change: impl FnOnce(&mut Shown, Reading)) {
        let reading = (self.read)();
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        *shown = shown.advanced(reading);
        change(&mut shown, reading);
    }

    /// Follows another clock from now on, which says this: programs that go by one another's stamps have one in common. As slowly as it
    /// follows the machine's.
    pub fn follow(&self, micros: i64) {
        self.change(|shown, reading| shown.ahead = micros.saturating_sub(reading.wall));
    }

    /// The same at a program's start, when nobody goes by this clock yet: at once.
    pub fn start_at(&self, micros: i64) {
        self.follow(micros);
        self.change(|shown, _| shown.micros = micros);
    }

    /// Goes on from there, if it is behind: a restarted program starts no earlier than it had come before, even where the
    /// machine's clock was set back meanwhile.
    pub fn not_before(&self, micros: i64) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.micros = shown.micros.max(micros);
    }
}

impl Shown {
    fn advanced(self, now: Reading) -> Self {
        // Two threads may read in one order and get here in the other.
        let Some(passed) = now.steady.checked_sub(self.steady) else {
            return self;
        };
        let passed = micros(passed);
        let steadily = self.micros.saturating_add(passed);
        let off = now.wall.saturating_add(self.ahead).saturating_sub(steadily);
        let most = passed / SLEW;
        Self {
            micros: steadily.saturating_add(off.clamp(-most, most)),
            steady: now.steady,
            ahead: self.ahead,
        }
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    /// A clock, and what sets its two readings, in seconds.
    fn settable() -> (Clock, impl Fn(i64, u64)) {
        let reading = |wall: i64, steady| Reading {
            wall: wall * SECOND,
            steady: Duration::from_secs(steady),
        };
        let now = Arc::new(Mutex::new(reading(1000, 0)));
        let read = now.clone();
        let clock = Clock::new(move || *read.lock().unwrap());
        (clock, move |wall, steady| *now.lock().unwrap() = reading(wall, steady))
    }

    #[test]
    fn it_goes_with_the_machines_clock() {
        let (clock, set) = settable();
        set(1060, 60);
        assert_eq!(clock.micros(), 1060 * SECOND);
    }

    #[test]
    fn a_jump_ahead_is_followed_slowly() {
        let (clock, set) = settable();
        set(1000 + 3600 + 20, 20);
        assert_eq!(
            clock.micros(),
            1021 * SECOND,
            "an hour's jump is one second after twenty"
        );
    }

    #[test]
    fn a_jump_back_slows_it_and_never_turns_it_back() {
        let (clock, set) = settable();
        set(500, 0);
        assert_eq!(clock.micros(), 1000 * SECOND);
        set(520, 20);
        assert_eq!(clock.micros(), 1019 * SECOND);
    }

    #[test]
    fn it_catches_up_and_stays() {
        let (clock, set) = settable();
        set(1003, 2);
        let _ = clock.micros();
        for passed in 3..60 {
            set(1001 + passed, passed as u64);
            let _ = clock.micros();
        }
        assert_eq!(clock.micros(), 1060 * SECOND);
    }

    #[test]
    fn another_clock_is_begun_at_once_and_followed_slowly() {
        let (clock, set) = settable();
        clock.start_at(7000 * SECOND);
        set(1020, 20);
        assert_eq!(clock.micros(), 7020 * SECOND);
        clock.follow(7120 * SECOND);
        set(1040, 40);
        assert_eq!(clock.micros(), 7041 * SECOND);
    }

    #[test]
    fn it_starts_no_earlier_than_it_had_come() {
        let (clock, set) = settable();
        clock.not_before(5000 * SECOND);
        set(1020, 20);
        assert_eq!(clock.micros(), 5019 * SECOND);
    }
}
