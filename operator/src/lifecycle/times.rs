//! When things are due.

use std::time::Duration;

use flow_operator_api::ConditionType;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::{Past, View};

/// The pause before the first retry; it doubles with each.
const FIRST_PAUSE: i64 = 5;

/// The longest pause before a retry, in seconds.
const LONGEST_PAUSE: i64 = 300;

/// The pause before the retry of an attempt: 5 s, doubled each time up to 5 min, and up to a fifth more, so that members of a
/// gang do not all come back at once. The same for the same attempt, whenever it is asked.
pub(super) fn pause(uid: &str, attempt: u32) -> Duration {
    let base = FIRST_PAUSE.saturating_mul(1 << attempt.min(10)).min(LONGEST_PAUSE) * 1000;
    let digest = Sha256::digest(format!("{uid}/{attempt}"));
    let jitter = base / 5 * i64::from(digest[0]) / 255;
    Duration::from_millis((base + jitter).unsigned_abs())
}

/// When the job's time is over. It counts from its start, and while there is none, from the making of its pod, or from the first
/// time that it could not be made.
pub(super) fn deadline(view: &View<'_>, past: &Past<'_>) -> Option<Timestamp> {
    let seconds = view.job.spec.active_deadline_seconds?;
    let pod = view.pods.first().map(|(_, pod)| pod);
    let started = past
        .0
        .start_time
        .as_ref()
        .or(pod.and_then(|pod| pod.status.as_ref()?.start_time.as_ref()));
    let made = pod.and_then(|pod| pod.metadata.creation_timestamp.as_ref());
    let refused = past
        .0
        .condition(ConditionType::Applied)
        .filter(|condition| condition.status == "False");
    let base = started
        .or(made)
        .or(refused.and_then(|condition| condition.last_transition_time.as_ref()))?;
    Some(after(base.0, seconds))
}

pub(super) fn after(time: Timestamp, seconds: i64) -> Timestamp {
    time.checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MAX)
}

pub(super) fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    a.into_iter().chain(b).min()
}
