//! How far a member has come, as its framework tells.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// At most so many metrics of one member are kept.
pub const MAX_METRICS: usize = 32;

/// How far a member has come. Only ever grows: an older report cannot take progress back.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Progress {
    /// The member is known to the aggregation server.
    #[serde(default)]
    pub registered: bool,
    /// The member told the aggregation server that it is done.
    #[serde(default)]
    pub complete: bool,
    /// The round it is in, from 1; 0 before the first.
    #[serde(default)]
    pub round: u32,
    /// How many rounds there will be, where that is known.
    #[serde(default)]
    pub total: Option<u32>,
    /// The newest value of each metric, by name.
    #[serde(default)]
    pub metrics: BTreeMap<String, f64>,
}

impl Progress {
    /// Takes over what `newer` adds; true if anything changed.
    pub fn merge(&mut self, newer: &Self) -> bool {
        let before = self.clone();
        self.registered |= newer.registered;
        self.complete |= newer.complete;
        self.round = self.round.max(newer.round);
        self.total = newer.total.or(self.total);
        // Not a number would never equal itself again, and everything would look changed for ever.
        for (name, value) in newer.metrics.iter().filter(|(_, value)| value.is_finite()) {
            if self.metrics.len() < MAX_METRICS || self.metrics.contains_key(name) {
                self.metrics.insert(name.clone(), *value);
            }
        }
        *self != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_never_goes_back() {
        let mut progress = Progress {
            round: 4,
            registered: true,
            ..Progress::default()
        };
        let older = Progress {
            round: 2,
            ..Progress::default()
        };
        assert!(!progress.merge(&older));
        assert_eq!((progress.round, progress.registered), (4, true));
    }

    #[test]
    fn the_number_of_metrics_is_bounded() {
        let mut progress = Progress::default();
        let newer = Progress {
            metrics: (0..100).map(|n| (format!("m{n:03}"), 1.0)).collect(),
            ..Progress::default()
        };
        progress.merge(&newer);
        assert_eq!(progress.metrics.len(), MAX_METRICS);
    }
}
