//! A seed does exactly the same again.

#![allow(clippy::unwrap_used, reason = "a test ends there")]

use flow_simulation::simulate;

#[test]
fn a_seed_replays_exactly() {
    for seed in [1, 3, 8, 46, 72] {
        let (first, again) = (simulate(seed, true).unwrap(), simulate(seed, true).unwrap());
        for (number, (one, other)) in first.history.iter().zip(&again.history).enumerate() {
            assert_eq!(one, other, "seed {seed}, entry {number}");
        }
        assert_eq!(
            (first.digest, first.entries, first.lasted),
            (again.digest, again.entries, again.lasted),
            "seed {seed}"
        );
        assert!(first.entries > 20, "seed {seed} does hardly anything");
    }
}

#[test]
fn keeping_the_history_changes_nothing() {
    let (kept, not) = (simulate(5, true).unwrap(), simulate(5, false).unwrap());
    assert_eq!((kept.digest, kept.entries), (not.digest, not.entries));
    assert!(!kept.history.is_empty() && not.history.is_empty());
}

#[test]
fn seeds_differ() {
    assert_ne!(simulate(1, false).unwrap().digest, simulate(2, false).unwrap().digest);
}
