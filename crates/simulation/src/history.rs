//! What happened in a simulation, in order: as one number, and, where somebody wants to read it, as text.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::time::Moment;

/// Everything that can be seen from outside, folded into a digest. Two runs of the same seed have the same.
#[derive(Debug, Default)]
pub(crate) struct History {
    digest: DefaultHasher,
    entries: u64,
    text: Option<Vec<String>>,
}

impl History {
    /// One that is kept as text, too.
    #[must_use]
    pub(crate) fn kept() -> Self {
        Self {
            text: Some(Vec::new()),
            ..Self::default()
        }
    }

    /// Notes something.
    pub(crate) fn note(&mut self, at: Moment, what: &str) {
        (at.0, what).hash(&mut self.digest);
        self.entries += 1;
        if let Some(text) = &mut self.text {
            text.push(format!("{at} {what}"));
        }
    }

    /// The digest of all so far.
    #[must_use]
    pub(crate) fn digest(&self) -> u64 {
        self.digest.finish()
    }

    /// How much was noted.
    #[must_use]
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    /// All that was kept, oldest first.
    #[must_use]
    pub(crate) fn text(&self) -> &[String] {
        self.text.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_tells_order_and_time() {
        let digest = |notes: &[(i64, &str)]| {
            let mut history = History::default();
            for (at, what) in notes {
                history.note(Moment(*at), what);
            }
            history.digest()
        };
        let (one, other) = ([(1, "a"), (2, "b")], [(1, "b"), (2, "a")]);
        assert_eq!(digest(&one), digest(&one));
        assert_ne!(digest(&one), digest(&other));
        assert_ne!(digest(&one), digest(&[(1, "a"), (3, "b")]));
    }
}
