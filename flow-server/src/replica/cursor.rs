//! How far the notices were read. Transactions end in another order than they took their numbers: a gap may yet be filled.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use crate::store::shared::Noticed;

/// How long a missing number is looked for. No transaction takes that long; what is missing then was rolled back.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many are looked for at most; the oldest are given up first.
const MISSING: usize = 1000;

/// How often is noted down how far one was, for [`Cursor::older_than`].
const MARK: Duration = Duration::from_secs(5);

/// How far the notices were read.
#[derive(Debug)]
pub(super) struct Cursor {
    newest: u64,
    missing: BTreeMap<u64, Instant>,
    marks: VecDeque<(Instant, u64)>,
}

impl Cursor {
    /// Everything up to that number is read.
    pub(super) fn at(newest: u64) -> Self {
        Self {
            newest,
            missing: BTreeMap::new(),
            marks: VecDeque::new(),
        }
    }

    /// The greatest number that was read.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// Smaller numbers that were not.
    pub(super) fn missing(&self) -> Vec<u64> {
        self.missing.keys().copied().collect()
    }

    /// Takes what was found; answers what of it was not read before.
    pub(super) fn take(&mut self, found: Vec<Noticed>, now: Instant) -> Vec<Noticed> {
        self.missing.retain(|_, since| now.duration_since(*since) < PATIENCE);
        let mut news = Vec::with_capacity(found.len());
        for noticed in found {
            if noticed.number > self.newest {
                let gap = self.newest + 1..noticed.number;
                let gap = gap.rev().take(MISSING).map(|number| (number, now));
                self.missing.extend(gap);
                self.newest = noticed.number;
                news.push(noticed);
            } else if self.missing.remove(&noticed.number).is_some() {
                news.push(noticed);
            }
        }
        while self.missing.len() > MISSING {
            self.missing.pop_first();
        }
        if self.marks.back().is_none_or(|(at, _)| now.duration_since(*at) >= MARK) {
            self.marks.push_back((now, self.newest));
        }
        news
    }

    /// The number up to which all were there that long ago; nothing if that was asked for already.
    pub(super) fn older_than(&mut self, age: Duration, now: Instant) -> Option<u64> {
        let mut old = None;
        while let Some((at, number)) = self.marks.front()
            && now.duration_since(*at) >= age
        {
            old = Some(*number);
            self.marks.pop_front();
        }
        old
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::store::shared::ServerId;

    fn noticed(number: u64) -> Noticed {
        Noticed {
            number,
            by: ServerId(Uuid::nil()),
            notice: None,
        }
    }

    fn take(cursor: &mut Cursor, numbers: &[u64], now: Instant) -> Vec<u64> {
        let found = numbers.iter().copied().map(noticed).collect();
        cursor.take(found, now).iter().map(|noticed| noticed.number).collect()
    }

    #[test]
    fn a_gap_is_looked_for_until_it_is_filled() {
        let (mut cursor, now) = (Cursor::at(10), Instant::now());
        assert_eq!(take(&mut cursor, &[11, 14], now), [11, 14]);
        assert_eq!((cursor.newest(), cursor.missing()), (14, vec![12, 13]));
        assert_eq!(take(&mut cursor, &[13, 15], now), [13, 15]);
        assert_eq!((cursor.newest(), cursor.missing()), (15, vec![12]));
        assert_eq!(take(&mut cursor, &[13], now), [0; 0], "nothing is read twice");
    }

    #[test]
    fn what_was_rolled_back_is_given_up() {
        let (mut cursor, now) = (Cursor::at(0), Instant::now());
        take(&mut cursor, &[5], now);
        take(&mut cursor, &[], now + PATIENCE);
        assert_eq!(cursor.missing(), [0; 0]);
        take(&mut cursor, &[1_000_000], now + PATIENCE);
        assert_eq!(cursor.missing().len(), MISSING);
    }

    #[test]
    fn what_is_old_is_told_once() {
        let (mut cursor, now) = (Cursor::at(7), Instant::now());
        take(&mut cursor, &[8], now);
        assert_eq!(cursor.older_than(KEPT, now), None);
        take(&mut cursor, &[9], now + KEPT);
        assert_eq!(cursor.older_than(KEPT, now + KEPT), Some(8));
        assert_eq!(cursor.older_than(KEPT, now + KEPT), None);
    }

    const KEPT: Duration = Duration::from_secs(60);
}
