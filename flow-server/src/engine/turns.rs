//! Changes of one run come one after the other.

use flow_domain::RunId;

use super::reports::Waiting;

/// One turn for each run, and some runs share one.
#[derive(Debug)]
pub(super) struct Turns(Vec<Turn>);

/// Whose holder may change a run.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// Held while a run is changed.
    pub(super) one: tokio::sync::Mutex<()>,
    /// What was reported of its runs and is in no change yet.
    pub(super) reports: Waiting,
}

impl Turns {
    const COUNT: usize = 128;

    pub(super) fn new() -> Self {
        Self((0..Self::COUNT).map(|_| Turn::default()).collect())
    }

    pub(super) fn of(&self, run: RunId) -> &Turn {
        // The last bytes of an id are random.
        &self.0[usize::from(run.0.as_bytes()[15]) % Self::COUNT]
    }
}
