//! What a party's agent has too little of is waited for in the queue; it fails nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{
    START, honest, mk_iflearner, mk_party, mk_shortage,
    profiles::{any_patient_spec, parties_of},
    world::World,
};
use flow_domain::{
    AssignmentState::{Pending, Prepared},
    PartyId, Reason, RunState, Span, Timestamp,
    why::why,
};
use proptest::{prelude::*, sample::Index};

/// Every attached agent does its next step, but for those of these parties: what is to be prepared there waits for a free place.
fn short_round(world: &mut World, short: &[PartyId]) -> bool {
    let mut news = false;
    for (party, report) in honest::round(&world.gang, &world.parties) {
        let member = world
            .gang
            .assignments
            .iter()
            .find(|a| a.id == report.assignment)
            .unwrap();
        let report = match member.state == Pending && report.state == Prepared && short.contains(&party) {
            true => mk_shortage(member),
            false => report,
        };
        news |= world.hear(&party, &report).unwrap();
    }
    news
}

/// One attempt is given back, and the pause after it has begun.
fn give_back(world: &mut World, short: &[PartyId]) {
    if world.state() == RunState::Queued {
        world.wake();
    }
    while short_round(world, short) {}
    assert_eq!(world.state(), RunState::Preparing, "all but these are prepared");
    world.wake();
    assert!(world.gang.run.attempts.last().unwrap().given_back);
    assert_eq!(world.state(), RunState::Completing);
    while world.state() == RunState::Completing && short_round(world, short) {}
}

/// Time passes, and they never have enough; the longest that the run waited between two attempts, and how long it lasted.
fn never_enough(world: &mut World, short: &[PartyId]) -> (Span, Span) {
    let mut longest = Span(0);
    while !world.is_over() {
        if !short_round(world, short) {
            let (before, paused) = (world.now, world.gang.run.not_before.is_some());
            world.wake();
            if paused {
                longest = longest.max(world.now.since(before));
            }
        }
    }
    (longest, world.now.since(START))
}

#[test]
fn a_shortage_is_waited_for_in_the_queue_and_costs_no_retry() {
    let mut world = World::of(mk_iflearner(0));
    give_back(&mut world, &[mk_party("b")]);
    let run = &world.gang.run;
    assert_eq!((run.state, run.reason), (RunState::Queued, Reason::CapacityExceeded));
    let said = "not prepared after 5m: party at b: waits for a free place: 4 of 4 are taken; asked again in 1s";
    assert!(run.message.starts_with(said), "{}", run.message);
    assert!(!run.is_taking() && !run.is_waiting(), "it holds nothing, and pauses");
    assert_eq!(world.cause().party, Some(mk_party("b")));
    let answer = why(&world.gang);
    assert_eq!(
        (answer.reason, answer.culprit),
        (Reason::CapacityExceeded, Some(world.member("party@b").id))
    );
    let paused_at = world.now;
    world.wake();
    assert_eq!((world.state(), world.gang.run.attempt()), (RunState::Preparing, 2));
    let pause = world.now.since(paused_at);
    assert!(Span::secs(1) <= pause && pause < Span(1_250), "{pause}");
    world.until(RunState::Succeeded);
    assert_eq!(world.gang.run.attempt(), 2);
}

#[test]
fn what_fails_afterwards_has_all_its_retries() {
    let mut world = World::of(mk_iflearner(1));
    give_back(&mut world, &[mk_party("a"), mk_party("b")]);
    world.until(RunState::Running);
    world.fails("party@a", Reason::ProcessKilled);
    world.until(RunState::Queued);
    let message = &world.gang.run.message;
    assert!(message.starts_with("attempt 3 of 3 starts in"), "{message}");
    world.until(RunState::Running);
    world.fails("party@a", Reason::ProcessKilled);
    world.until(RunState::Failed);
    assert_eq!(world.gang.run.attempt(), 3);
}

#[test]
fn what_else_keeps_a_member_is_the_cause() {
    for (said, end, cause) in [
        (
            Reason::WaitingForAgent,
            RunState::TimedOut,
            Reason::PrepareDeadlineExceeded,
        ),
        (
            Reason::KubernetesUnavailable,
            RunState::Failed,
            Reason::KubernetesUnavailable,
        ),
    ] {
        let mut world = World::of(mk_iflearner(0));
        world.says("server@center", Prepared);
        let short = mk_shortage(world.member("party@b"));
        world.hear(&mk_party("b"), &short).unwrap();
        world.tells("party@a", Pending, |report| report.reason = said);
        world.pass(Span::mins(5));
        assert!(!world.gang.run.attempts[0].given_back);
        world.until(end);
        assert_eq!(world.cause().reason, cause);
        assert!(
            world.cause().message.contains("party at a"),
            "{}",
            world.cause().message
        );
    }
}

#[test]
fn the_time_in_the_queue_goes_on_while_parties_are_asked() {
    let mut spec = mk_iflearner(0);
    spec.policies.deadlines.queue = Some(Span::mins(17));
    let mut world = World::of(spec);
    let (_, lasted) = never_enough(&mut world, &[mk_party("b")]);
    let run = &world.gang.run;
    assert_eq!(
        (run.state, run.reason),
        (RunState::TimedOut, Reason::QueueDeadlineExceeded)
    );
    assert!(
        run.message.contains("party at b: waits for a free place"),
        "{}",
        run.message
    );
    // The fourth attempt had begun before the time was over.
    assert_eq!(run.attempt(), 4);
    assert!(Span::mins(20) < lasted && lasted < Span::mins(21), "{lasted}");
}

#[test]
fn a_pause_ends_with_the_time_in_the_queue() {
    let mut spec = mk_iflearner(0);
    spec.policies.deadlines.queue = Some(Span(Span::mins(5).0 + 300));
    let mut world = World::of(spec);
    let (pause, lasted) = never_enough(&mut world, &[mk_party("b")]);
    assert_eq!(
        (world.gang.run.attempt(), pause, lasted),
        (1, Span(300), Span(Span::mins(5).0 + 300))
    );
}

#[test]
fn pauses_grow_to_an_hour_so_a_day_has_few_attempts() {
    let mut spec = mk_iflearner(0);
    spec.policies.deadlines.prepare = Some(Span::secs(1));
    let mut world = World::of(spec);
    let (longest, lasted) = never_enough(&mut world, &[mk_party("b")]);
    assert!(Span::hours(1) <= longest && longest < Span::mins(75), "{longest}");
    assert!(
        Span::hours(24) <= lasted && lasted <= Span(Span::hours(24).0 + 1_000),
        "{lasted}"
    );
    assert!(world.gang.run.attempt() < 40, "{}", world.gang.run.attempt());
}

#[test]
fn a_failure_begins_pauses_and_the_time_in_the_queue_anew() {
    let mut world = World::of(mk_iflearner(1));
    for _ in 0..3 {
        give_back(&mut world, &[mk_party("b")]);
    }
    let began = world.gang.run.queued_since;
    assert_eq!(began, START);
    world.until(RunState::Running);
    world.fails("party@a", Reason::ProcessKilled);
    world.until(RunState::Queued);
    assert_eq!(Some(world.gang.run.queued_since), world.gang.run.not_before);
    world.wake();
    give_back(&mut world, &[mk_party("b")]);
    let pause = world.gang.run.not_before.unwrap().since(world.now);
    assert!(pause < Span(1_250), "{pause}");
}

#[test]
fn who_pauses_can_be_cancelled() {
    let mut world = World::of(mk_iflearner(0));
    give_back(&mut world, &[mk_party("b")]);
    world.cancel();
    assert_eq!(world.state(), RunState::Cancelled);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn who_has_room_again_brings_a_run_to_success(spec in any_patient_spec(), who: Index, times in 0..4usize) {
        let short = [who.get(&parties_of(&spec)).clone()];
        let mut world = World::of(spec);
        for _ in 0..times {
            give_back(&mut world, &short);
        }
        while !world.is_over() {
            if !world.honest_round() {
                world.wake();
            }
        }
        prop_assert_eq!((world.state(), world.gang.run.attempts.len()), (RunState::Succeeded, times + 1));
    }

    #[test]
    fn who_never_has_room_ends_a_run_with_the_queue_deadline(
        spec in any_patient_spec(), who: Index, prepare in 1..600u64, queue in 0..7_200u64,
    ) {
        let short = [who.get(&parties_of(&spec)).clone()];
        let mut spec = spec;
        spec.policies.deadlines.prepare = Some(Span::secs(prepare));
        spec.policies.deadlines.queue = Some(Span::secs(queue));
        let mut world = World::of(spec);
        never_enough(&mut world, &short);
        let run = &world.gang.run;
        prop_assert_eq!((run.state, run.reason), (RunState::TimedOut, Reason::QueueDeadlineExceeded));
        // What had begun before the deadline has the time to be prepared.
        let latest = Timestamp(START.micros() + i64::try_from((queue + prepare) * 1_000_000).unwrap());
        prop_assert!(world.now <= latest, "{} after {}", world.now, latest);
    }
}
