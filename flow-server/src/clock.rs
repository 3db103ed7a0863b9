//! The one place where the server reads the time.

use std::time::{SystemTime, UNIX_EPOCH};

use flow_domain::Timestamp;

/// Now, by the machine's clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
