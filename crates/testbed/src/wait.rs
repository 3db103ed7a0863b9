//! Waiting for a condition, with a deadline.

use std::{fmt::Debug, time::Duration};

use tokio::time::Instant;

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Asks until there is an answer; fails after `limit`, saying what it waited for.
pub async fn within<T>(limit: Duration, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {limit:?} for {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Asks until the answer is the expected one; fails after a minute, showing the last.
pub async fn eventually<T: PartialEq + Debug>(expected: T, what: &str, mut ask: impl AsyncFnMut() -> T) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = ask().await;
        if answer == expected {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{what}: expected {expected:?}, still {answer:?}"
        );
        tokio::time::sleep(LOOK).await;
    }
}
