//! Lines of a log that were read lately: after an interruption they come again.

use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
};

use jiff::{SignedDuration, Timestamp};

/// A container's two streams are written side by side, so that a line may stand after one that is a little younger. So much older than
/// the newest one a line may be and still be news after an interruption.
const DISORDER: SignedDuration = SignedDuration::from_secs(2);

/// For how long lines are remembered: the API server begins at a whole second.
const KEPT: SignedDuration = SignedDuration::from_secs(4);

/// How many lines are remembered at most.
const LINES: usize = 50_000;

/// What was read lately.
#[derive(Debug, Default)]
pub(super) struct Recent {
    newest: Option<Timestamp>,
    lines: VecDeque<(Timestamp, u64)>,
    /// What may come again, and how often.
    again: HashMap<(Timestamp, u64), usize>,
}

impl Recent {
    /// The time of the newest line.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// The log is read again, from the time that this answers, or from its beginning if nothing was read.
    pub(super) fn begin_again(&mut self) -> Option<Timestamp> {
        self.again.clear();
        for line in &self.lines {
            *self.again.entry(*line).or_default() += 1;
        }
        self.newest
            .map(|newest| newest.saturating_sub(DISORDER).unwrap_or(newest))
    }

    /// Whether a line was not read before.
    pub(super) fn is_news(&mut self, at: Timestamp, text: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let line = (at, hasher.finish());
        if let Some(times) = self.again.get_mut(&line).filter(|times| **times > 0) {
            *times -= 1;
            return false;
        }
        let newest = self.newest.map_or(at, |newest| newest.max(at));
        self.newest = Some(newest);
        self.lines.push_back(line);
        while let Some((first, _)) = self.lines.front()
            && (self.lines.len() > LINES || newest.duration_since(*first) > KEPT)
        {
            self.lines.pop_front();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
    }

    #[test]
    fn a_line_after_a_younger_one_is_news() {
        let mut recent = Recent::default();
        assert!(recent.is_news(at(351), "metric"));
        assert!(recent.is_news(at(348), "other stream"));
        assert!(
            recent.is_news(at(351), "metric"),
            "the same text once more, without an interruption"
        );
    }

    #[test]
    fn what_comes_again_is_not_and_what_came_late_is() {
        let mut recent = Recent::default();
        assert_eq!(recent.begin_again(), None);
        for (millis, text) in [(10, "a"), (20, "b"), (20, "b")] {
            assert!(recent.is_news(at(millis), text));
        }
        assert_eq!(recent.begin_again(), Some(at(20 - 2000)));
        let again = [(10, "a"), (15, "late"), (20, "b"), (20, "b"), (20, "b")];
        let news = again.map(|(millis, text)| recent.is_news(at(millis), text));
        assert_eq!(news, [false, true, false, false, true]);
    }

    #[test]
    fn old_lines_are_forgotten() {
        let mut recent = Recent::default();
        for second in 0..100 {
            assert!(recent.is_news(at(second * 1000), "tick"));
        }
        assert!(recent.lines.len() <= 5, "{}", recent.lines.len());
    }
}
