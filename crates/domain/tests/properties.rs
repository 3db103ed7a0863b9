//! Whatever happens to a run, the planner keeps its rules: each step of each world is checked by `common::invariants`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;

use common::{
    chaos::{Action, any_actions},
    mk_parties,
    profiles::{any_patient_spec, any_spec, parties_of},
    world::World,
};
use flow_domain::{AssignmentState, Reason, RunSpec, RunState, party::Liveness};
use proptest::{prelude::*, sample::Index, strategy::ValueTree, test_runner::TestRunner};

/// What happened to a run since it was accepted.
fn world_after(spec: RunSpec, actions: &[Action]) -> World {
    let mut world = World::of(spec);
    for action in actions {
        world.happen(action);
    }
    world
}

/// No more of these than a run may need to end when nothing but time passes.
fn most_wakes(world: &World) -> usize {
    let spec = &world.gang.run.spec;
    // Each party that is away may be given up at a time of its own, before and after that decided the attempt.
    // A shortage that was told of before gives one attempt back.
    (spec.policies.max_retries as usize + 3) * 5 + usize::from(spec.policies.approval) + spec.parties().len()
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

/// Of an attempt, not of a state.
const GIVEN_BACK: &str = "given back";

/// Rules that hold because nothing happens prove nothing.
#[test]
fn histories_reach_every_state() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..1280 {
        let history = (any_spec(), any_actions(40)).new_tree(&mut runner).unwrap();
        let (spec, actions) = history.current();
        let mut world = world_after(spec, &actions);
        sleep_to_the_end(&mut world);
        if world.gang.run.spec.policies.approval {
            // Its first state is told by whoever accepts it.
            seen.insert(format!("run {}", RunState::AwaitingApproval));
        }
        if world.gang.run.attempts.iter().any(|attempt| attempt.given_back) {
            seen.insert(GIVEN_BACK.to_owned());
        }
        for event in &world.events {
            let of = if event.assignment.is_some() {
                "assignment"
            } else {
                "run"
            };
            seen.extend([format!("{of} {}", event.state), event.reason.to_string()]);
        }
    }
    let runs = RunState::ALL.into_iter().map(|state| format!("run {state}"));
    let live = |state: &AssignmentState| *state != AssignmentState::Pending;
    let assignments = AssignmentState::ALL.into_iter().filter(live);
    let assignments = assignments.map(|state| format!("assignment {state}"));
    let reasons = [
        Reason::RetryBackoff,
        Reason::MemberRestarting,
        Reason::WaitingForRegistration,
        Reason::Approved,
        Reason::ApprovalDenied,
        Reason::ApproveDeadlineExceeded,
        Reason::QueueDeadlineExceeded,
        Reason::PrepareDeadlineExceeded,
        Reason::PullDeadlineExceeded,
        Reason::StartDeadlineExceeded,
        Reason::RegisterDeadlineExceeded,
        Reason::RunDeadlineExceeded,
        Reason::StopDeadlineExceeded,
        Reason::Stalled,
        Reason::PartyOffline,
    ];
    let wanted = runs.chain(assignments).chain(reasons.map(|reason| reason.to_string()));
    let wanted = wanted.chain([GIVEN_BACK.to_owned()]);
    let missed: Vec<String> = wanted.filter(|what| !seen.contains(what)).collect();
    assert_eq!(missed, Vec::<String>::new());
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
