//! Changes of one run come one after the other.

use flow_domain::RunId;

/// One turn for each run, and some runs share one.
#[derive(Debug)]
pub(super) struct Turns(Vec<tokio::sync::Mutex<()>>);

impl Turns {
    const COUNT: usize = 128;

    pub(super) fn new() -> Self {
        Self((0..Self::COUNT).map(|_| tokio::sync::Mutex::default()).collect())
    }

    pub(super) fn of(&self, run: RunId) -> &tokio::sync::Mutex<()> {
        // The last bytes of an id are random.
        &self.0[usize::from(run.0.as_bytes()[15]) % Self::COUNT]
    }
}
