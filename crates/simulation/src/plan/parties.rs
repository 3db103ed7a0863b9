//! Who takes part.

use flow_domain::{
    PartyId, Resources,
    labels::Labels,
    queue::Capacity,
    resources::{Cpu, Memory},
};
use rand::{Rng, rngs::StdRng};

/// After how many milliseconds every agent has attached, if nothing keeps it.
pub(super) const SETTLED: u64 = 2_000;

/// What a member of a run takes, in worlds where that is counted.
pub(super) const TAKES: Resources = Resources {
    cpu: Some(Cpu(1_500)),
    memory: Some(Memory(1 << 30)),
    gpu: Some(1),
};

/// A party with its agent and its machine.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// Its name; also that of its host.
    pub(crate) id: PartyId,
    /// What it offers to runs.
    pub(crate) offers: Capacity,
    /// The site whose machines it shares.
    pub(crate) site: Option<String>,
    /// What it says of itself.
    pub(crate) labels: Labels,
    /// How many ended jobs it keeps.
    pub(crate) keep: usize,
}

/// What some parties say of themselves, for tasks to choose them by.
pub(super) fn trusted() -> Labels {
    Labels::from([("tier".to_owned(), "trusted".to_owned())])
}

/// Room for so many runs.
fn runs(runs: u32) -> Capacity {
    Capacity {
        runs: Some(runs),
        ..Capacity::default()
    }
}

/// Room for so many runs. Of some of what their members take there is so much for that many of them, `least` at least, or some more
/// that is of no use.
pub(super) fn room(dice: &mut StdRng, slots: u32, least: u32, counted: bool) -> Capacity {
    let mut room = runs(slots);
    if !counted {
        return room;
    }
    let mut amount = |each: u64| {
        let members = u64::from(dice.random_range(least..=least + 2));
        let all = members * each + dice.random_range(0..each);
        dice.random_bool(0.5).then_some(all)
    };
    room.cpu = TAKES.cpu.and_then(|each| amount(each.0)).map(Cpu);
    room.memory = TAKES.memory.and_then(|each| amount(each.0)).map(Memory);
    let gpus = TAKES.gpu.and_then(|each| amount(each.into()));
    room.gpu = gpus.and_then(|gpus| u32::try_from(gpus).ok());
    room
}

/// The center, and two to four others.
pub(super) fn draw(dice: &mut StdRng, counted: bool) -> Vec<Member> {
    let others = ["party-a", "party-b", "party-c", "party-d"];
    let number = dice.random_range(2..=others.len());
    let mut members = vec![Member {
        id: PartyId::center(),
        offers: runs(dice.random_range(2..5)),
        site: None,
        labels: Labels::new(),
        keep: 2,
    }];
    members.extend(others.iter().take(number).filter_map(|name| {
        // Where more is counted than slots, these are not what there is too little of first.
        let slots = dice.random_range(1..if counted { 5 } else { 3 });
        Some(Member {
            id: name.parse().ok()?,
            offers: room(dice, slots, 1, counted),
            site: dice.random_bool(0.5).then(|| "campus".to_owned()),
            labels: if dice.random_bool(0.6) {
                trusted()
            } else {
                Labels::new()
            },
            keep: dice.random_range(1..4),
        })
    }));
    members
}
