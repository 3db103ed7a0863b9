//! File descriptors: thousands of connections need one each, here and in the server.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::Outcome;

/// Raises the soft limit to the hard one, for this process and those that it starts.
pub(crate) fn as_many_as_allowed() -> Outcome {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?)
}

/// Fails if there are not enough for this many connections.
pub(crate) fn need(connections: usize) -> Outcome {
    /// Databases, logs, REST.
    const OTHERS: u64 = 200;
    let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let needed = u64::try_from(connections)? + OTHERS;
    if soft < needed {
        return Err(format!("{connections} agents need {needed} file descriptors, and {soft} are allowed: raise `ulimit -Hn`, or measure with fewer agents").into());
    }
    Ok(())
}
