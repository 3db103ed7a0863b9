//! The server's time, in the domain's words.

use flow_daemon::ambient::Clock;
use flow_domain::Timestamp;

/// Now, by the clock that was handed in.
pub(crate) fn now(clock: &Clock) -> Timestamp {
    Timestamp(clock.micros())
}
