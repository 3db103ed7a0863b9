//! Asks again where that is safe and may help: a few times, later and later, never in step with others.

use std::{future::Future, time::Duration};

use backon::{ExponentialBuilder, Retryable as _};
use flow_domain::ErrorCode;

use crate::Failure;

/// However long the server asks to wait, a person sits in front of this.
const LONGEST: Duration = Duration::from_secs(5);

/// Repeats `request` while it fails for a reason that may pass: five attempts within some seconds.
pub(super) async fn patiently<T, F>(request: impl FnMut() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let backoff = ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(LONGEST)
        .with_max_times(4);
    request
        .retry(backoff)
        .when(may_pass)
        .adjust(|failure, planned| match failure {
            // `None` ends it: the attempts are used up.
            Failure::Told(told) => planned.map(|planned| told.retry_after.map_or(planned, |asked| asked.min(LONGEST))),
            Failure::ClosedPipe => None,
        })
        .await
}

fn may_pass(failure: &Failure) -> bool {
    matches!(failure.code(), Some(ErrorCode::Unavailable | ErrorCode::Overloaded))
}
