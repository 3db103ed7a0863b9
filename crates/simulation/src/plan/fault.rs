//! What goes wrong, and when.

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

use super::parties::{Member, SETTLED};
use crate::time::Moment;

/// Something that goes wrong for a while.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// From when.
    pub(crate) at: Moment,
    /// Until when.
    pub(crate) until: Moment,
    /// What.
    pub(crate) kind: Kind,
}

/// What goes wrong. Hosts are named; probabilities are of each message or call.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// Nothing passes between two hosts.
    Cut(String, String),
    /// Nothing passes from one to the other.
    CutOneWay(String, String),
    /// Everything between them comes only when it is over.
    Hold(String, String),
    /// What is sent between them takes up to so many milliseconds.
    Slow(String, String, u64),
    /// Some of what is sent between them is lost.
    Lossy(String, String, f64),
    /// A program is killed, and started again when it is over.
    Kill(String),
    /// A program is killed at its touch of the world after so many, and started again when it is over.
    KillAt(String, u64),
    /// A party's machine goes down with its jobs and its agent.
    PowerCut(String),
    /// The clock of a host is set to another time, by so many milliseconds.
    Jump(String, i64),
    /// A server's database takes up to so many milliseconds, is away, or loses its answers.
    Disk(String, u64, f64, f64),
    /// What an agent asks of its machine takes up to so many milliseconds, or fails.
    Trouble(String, u64, f64),
}

impl Kind {
    /// How many kinds there are.
    #[cfg(test)]
    pub(crate) const COUNT: usize = 11;
}

/// The name of a server's host.
pub(crate) fn server(number: usize) -> String {
    format!("server-{number}")
}

/// Up to nine faults, one in ten seconds or more of them.
pub(super) fn draw(dice: &mut StdRng, members: &[Member], servers: usize, storm: u64) -> Vec<Fault> {
    if storm == 0 {
        return Vec::new();
    }
    let number = dice.random_range(1..10);
    let mut faults: Vec<Fault> = (0..number).filter_map(|_| one(dice, members, servers, storm)).collect();
    faults.sort_by_key(|fault| fault.at);
    faults
}

fn one(dice: &mut StdRng, members: &[Member], servers: usize, storm: u64) -> Option<Fault> {
    let party = members.choose(dice)?.id.to_string();
    let server = server(dice.random_range(0..servers));
    let someone = if dice.random_bool(0.5) {
        party.clone()
    } else {
        server.clone()
    };
    let kind = match dice.random_range(0..16) {
        0 | 1 => Kind::Cut(server, party),
        2 if dice.random_bool(0.5) => Kind::CutOneWay(server, party),
        2 => Kind::CutOneWay(party, server),
        3 => Kind::Hold(server, party),
        4 => Kind::Slow(server, party, dice.random_range(100..3_000)),
        5 => Kind::Lossy(server, party, dice.random_range(0.005..0.1)),
        6 | 7 => Kind::Kill(someone),
        8..=10 => Kind::KillAt(someone, dice.random_range(0..200)),
        11 => Kind::PowerCut(party),
        12 => Kind::Jump(someone, dice.random_range(-7_200_000..7_200_000)),
        13 | 14 => Kind::Disk(
            server,
            dice.random_range(0..1_500),
            *[0.0, 0.0, 0.1, 0.5, 1.0].choose(dice)?,
            *[0.0, 0.05, 0.3].choose(dice)?,
        ),
        _ => Kind::Trouble(party, dice.random_range(0..1_000), *[0.0, 0.1, 0.6, 1.0].choose(dice)?),
    };
    let at = dice.random_range(0..storm * 3 / 4);
    let lasts = match dice.random_bool(0.7) {
        true => dice.random_range(50..3_000),
        false => dice.random_range(3_000..12_000),
    };
    let from = Moment::default().plus(at + if dice.random_bool(0.2) { 0 } else { SETTLED });
    Some(Fault {
        at: from,
        until: from.plus(lasts).min(Moment::default().plus(SETTLED + storm)),
        kind,
    })
}
