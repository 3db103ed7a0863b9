//! Whatever happens to a run, the planner keeps its rules: each step of each world is checked by `common::invariants`.

mod common;

use common::{
    chaos::{Action, any_actions},
    mk_parties,
    profiles::{any_patient_spec, any_spec, parties_of},
    world::World,
};
use flow_domain::{
    Reason, RunSpec, RunState,
    party::{Liveness, Parties},
};
use proptest::{prelude::*, sample::Index};

/// A run that nobody has heard of yet, and what happened to it since.
fn world_after(spec: RunSpec, actions: &[Action]) -> World {
    let mut world = World::with(spec, Parties::default());
    world.honest_round();
    for action in actions {
        world.happen(action);
    }
    world
}

/// No more of these than a run may need to end when nothing but time passes.
fn most_wakes(world: &World) -> usize {
    let spec = &world.gang.run.spec;
    // Each party that is away may be given up at a time of its own, before and after that decided the attempt.
    (spec.policies.max_retries as usize + 2) * 5 + spec.parties().len()
}

fn sleep_to_the_end(world: &mut World) {
    let most = most_wakes(world);
    for _ in 0..most {
        if world.is_over() {
            return;
        }
        world.wake();
    }
    assert!(world.is_over(), "{} after {most} wakes", world.state());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_history_breaks_a_rule(spec in any_spec(), actions in any_actions(40)) {
        world_after(spec, &actions);
    }

    #[test]
    fn whatever_happened_silence_ends_a_run_in_time(spec in any_spec(), actions in any_actions(20)) {
        let mut world = world_after(spec, &actions);
        sleep_to_the_end(&mut world);
    }

    #[test]
    fn whatever_happened_honest_agents_bring_a_run_to_its_end(spec in any_spec(), actions in any_actions(20)) {
        let mut world = world_after(spec, &actions);
        for party in parties_of(&world.gang.run.spec) {
            world.arrive(&party);
        }
        let mut wakes = 0;
        while !world.is_over() {
            if !world.honest_round() {
                wakes += 1;
                prop_assert!(wakes <= most_wakes(&world), "{}: {}", world.state(), world.gang.run.message);
                world.wake();
            }
        }
    }

    #[test]
    fn honest_agents_succeed_at_once(spec in any_patient_spec()) {
        let mut world = World::of(spec);
        while !world.is_over() {
            prop_assert!(world.honest_round(), "{}: {}", world.state(), world.gang.run.message);
        }
        prop_assert_eq!((world.state(), world.gang.run.attempt()), (RunState::Succeeded, 1));
    }

    #[test]
    fn agents_that_never_report_end_a_run_with_the_prepare_deadline(spec in any_patient_spec()) {
        let mut world = World::of(spec);
        sleep_to_the_end(&mut world);
        let run = &world.gang.run;
        prop_assert_eq!((run.state, run.reason), (RunState::TimedOut, Reason::PrepareDeadlineExceeded));
        prop_assert_eq!(run.attempt(), run.spec.policies.max_retries + 1);
    }

    #[test]
    fn a_party_that_never_comes_ends_a_run_with_the_queue_deadline(spec in any_patient_spec(), who: Index) {
        let mut parties = mk_parties(&spec, Liveness::Online);
        let missing = who.get(&parties_of(&spec)).clone();
        parties.0.remove(&missing);
        let mut world = World::with(spec, parties);
        sleep_to_the_end(&mut world);
        let run = &world.gang.run;
        prop_assert_eq!((run.state, run.reason), (RunState::TimedOut, Reason::QueueDeadlineExceeded));
        prop_assert!(run.message.contains(missing.as_str()), "{}", run.message);
        prop_assert_eq!(run.attempt(), 0);
    }
}
