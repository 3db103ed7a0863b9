//! A platform that is deliberately broken is found out: the checks can fail.

#![allow(clippy::unwrap_used, reason = "a test ends there")]

use flow_server::sabotage::{drop_message, forget_reservations};
use flow_simulation::{Rule, simulate};

/// The rules that are broken in a world.
fn broken(seed: u64) -> Vec<Rule> {
    let violations = simulate(seed, false).unwrap().violations;
    violations.into_iter().map(|violation| violation.rule).collect()
}

#[test]
fn a_lost_message_is_found_out() {
    // Many a message is made up for by the next one, and many a run has a reason to fail anyway.
    let found = (0..60).find(|seed| {
        drop_message(Some(2));
        let broken = broken(*seed);
        drop_message(None);
        broken.contains(&Rule::Succeeds)
    });
    let seed = found.expect("nobody noticed that a message was lost");
    assert_eq!(broken(seed), [], "seed {seed} is not without a violation anyway");
}

#[test]
fn a_forgotten_reservation_is_found_out() {
    forget_reservations(true);
    let found = (0..60).find(|seed| broken(*seed).contains(&Rule::Capacity));
    forget_reservations(false);
    let seed = found.expect("nobody noticed that a reservation was forgotten");
    assert_eq!(broken(seed), [], "seed {seed} is not without a violation anyway");
}
