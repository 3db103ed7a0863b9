//! Who takes part.

use flow_domain::{PartyId, queue::Capacity};
use rand::{Rng, rngs::StdRng};

/// After how many milliseconds every agent has attached, if nothing keeps it.
pub(super) const SETTLED: u64 = 2_000;

/// A party with its agent and its machine.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// Its name; also that of its host.
    pub(crate) id: PartyId,
    /// How many runs it has room for.
    pub(crate) runs: u32,
    /// The site whose machines it shares.
    pub(crate) site: Option<String>,
    /// How many ended jobs it keeps.
    pub(crate) keep: usize,
}

impl Member {
    /// What it offers.
    #[must_use]
    pub(crate) fn capacity(&self) -> Capacity {
        runs(self.runs)
    }
}

/// Room for so many runs.
pub(super) fn runs(runs: u32) -> Capacity {
    Capacity {
        runs: Some(runs),
        ..Capacity::default()
    }
}

/// The center, and two to four others.
pub(super) fn draw(dice: &mut StdRng) -> Vec<Member> {
    let others = ["party-a", "party-b", "party-c", "party-d"];
    let number = dice.random_range(2..=others.len());
    let mut members = vec![Member {
        id: PartyId::center(),
        runs: dice.random_range(2..5),
        site: None,
        keep: 2,
    }];
    members.extend(others.iter().take(number).filter_map(|name| {
        Some(Member {
            id: name.parse().ok()?,
            runs: dice.random_range(1..3),
            site: dice.random_bool(0.5).then(|| "campus".to_owned()),
            keep: dice.random_range(1..4),
        })
    }));
    members
}
