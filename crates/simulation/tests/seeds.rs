//! Two hundred worlds in which everything fails, and no promise is broken.

#![allow(clippy::unwrap_used, reason = "a test ends there")]

use flow_simulation::simulate;

/// Simulates these; says how to replay those in which a promise was broken.
fn hold(seeds: std::ops::Range<u64>) {
    let mut runs = 0;
    let mut broken = Vec::new();
    for seed in seeds {
        let verdict = simulate(seed, false).unwrap();
        runs += verdict.runs;
        for violation in verdict.violations {
            broken.push(format!("cargo xtask sim --seed {seed}: {violation}"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(runs > 0, "nothing was simulated");
}

#[test]
fn the_first_fifty_worlds_hold() {
    hold(0..50);
}

#[test]
fn the_second_fifty_worlds_hold() {
    hold(50..100);
}

#[test]
fn the_third_fifty_worlds_hold() {
    hold(100..150);
}

#[test]
fn the_fourth_fifty_worlds_hold() {
    hold(150..200);
}
