//! How long a run waits before its next attempt.

use crate::{run::Run, time::Span};

/// After an attempt that failed, at most.
const FAILED: Span = Span::mins(1);

/// After one that was given back, at most. It is longer, as no number of retries limits how often that happens.
const GIVEN_BACK: Span = Span::hours(1);

/// The pause after an attempt that failed: doubled with every attempt.
pub(super) fn after_failure(run: &Run) -> Span {
    pause(run, run.attempts.len(), FAILED)
}

/// The pause after an attempt that was given back: doubled with every one of them in a row.
pub(super) fn after_giving_back(run: &Run) -> Span {
    let in_a_row = run.attempts.iter().rev().take_while(|attempt| attempt.given_back);
    pause(run, in_a_row.count(), GIVEN_BACK)
}

/// 1 s, doubled with every time, with up to a quarter more. The jitter comes from the run's id: the planner draws no random numbers,
/// and runs that failed together still come back apart.
fn pause(run: &Run, times: usize, most: Span) -> Span {
    let base = (1_000u64 << times.saturating_sub(1).min(12)).min(most.0);
    let bytes = run.id.0.as_bytes().iter();
    let noise = bytes.fold(0u64, |sum, byte| sum * 31 % 65_521 + u64::from(*byte));
    Span(base + noise % (base / 4))
}
