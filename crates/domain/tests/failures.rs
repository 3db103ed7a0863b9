//! What failures cost: a member, an attempt, or the run.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{START, mk_flower, mk_iflearner, mk_party, mk_progress, mk_report, world::World};
use flow_domain::{
    AssignmentState::{Failed, Lost, Pending, Prepared, Rejected, Stopped},
    Desired, Reason, RunState, Span,
    gang::observe,
};

#[test]
fn a_killed_party_costs_one_attempt_and_the_next_succeeds() {
    let mut world = World::training(mk_iflearner(1));
    world.fails("party@a", Reason::ProcessKilled);
    assert_eq!(
        (world.state(), world.desired("party@b")),
        (RunState::Completing, Desired::Stop)
    );
    assert_eq!(world.cause().reason, Reason::ProcessKilled);
    world.honest_round();
    assert_eq!(
        (world.state(), world.gang.run.reason),
        (RunState::Queued, Reason::RetryBackoff)
    );
    world.wake();
    assert_eq!((world.state(), world.gang.run.attempt()), (RunState::Preparing, 2));
    assert!(world.gang.members().all(|a| a.attempt == 2 && a.state == Pending));
    world.until(RunState::Succeeded);
    assert_eq!(world.gang.run.attempt(), 2);
}

#[test]
fn with_no_retry_left_the_first_failure_is_the_cause() {
    let mut world = World::training(mk_iflearner(1));
    world.fails("party@b", Reason::ProcessKilled);
    world.until(RunState::Queued);
    world.until(RunState::Running);
    let culprit = world.member("party@a").id;
    world.fails("party@a", Reason::TrainingError);
    // It goes down with the first.
    world.fails("server@center", Reason::ThreadError);
    world.until(RunState::Failed);
    let cause = world.cause();
    assert_eq!((cause.reason, cause.assignment), (Reason::TrainingError, Some(culprit)));
    assert_eq!(
        (cause.party.clone(), world.gang.run.reason),
        (Some(mk_party("a")), Reason::TrainingError)
    );
}

#[test]
fn a_refusal_ends_the_run_whatever_retries_are_left() {
    let mut world = World::of(mk_iflearner(3));
    world.says("party@a", Prepared);
    world.tells("party@b", Rejected, |report| {
        report.reason = Reason::DatasetUnknown;
    });
    world.until(RunState::Rejected);
    assert_eq!(
        (world.cause().reason, world.gang.run.attempt()),
        (Reason::DatasetUnknown, 1)
    );
    assert_eq!(world.cause().party, Some(mk_party("b")));
}

#[test]
fn a_party_that_stays_away_is_lost_and_fails_the_run() {
    let mut world = World::training(mk_iflearner(0));
    world.leave(&mk_party("b"));
    world.pass(Span::secs(59));
    assert_eq!(world.state(), RunState::Running);
    world.pass(Span::secs(1));
    let lost = world.member("party@b");
    assert_eq!((lost.state, lost.reason), (Lost, Reason::PartyOffline));
    let id = lost.id;
    assert!(
        world
            .events
            .iter()
            .any(|event| event.assignment == Some(id) && event.reason == Reason::PartyOffline)
    );
    world.until(RunState::Failed);
    assert_eq!(
        (world.cause().reason, world.cause().party.clone()),
        (Reason::PartyOffline, Some(mk_party("b")))
    );
}

#[test]
fn a_party_that_comes_back_in_time_costs_nothing() {
    let mut world = World::training(mk_iflearner(0));
    world.leave(&mk_party("b"));
    world.pass(Span::secs(59));
    world.arrive(&mk_party("b"));
    world.until(RunState::Succeeded);
    assert_eq!(world.gang.run.attempt(), 1);
}

#[test]
fn a_failed_flower_client_is_replaced_alone() {
    let mut world = World::training(mk_flower(1));
    let (server, b) = (world.member("server@center").id, world.member("client@b").id);
    world.fails("client@a", Reason::ProcessKilled);
    assert_eq!(
        (world.state(), world.gang.run.reason),
        (RunState::Starting, Reason::WaitingForReady)
    );
    let fresh = world.member("client@a");
    assert_eq!(
        (fresh.incarnation, fresh.state, fresh.desired),
        (1, Pending, Desired::Prepare)
    );
    world.until(RunState::Running);
    assert_eq!(
        (world.member("server@center").id, world.member("client@b").id),
        (server, b)
    );
    world.until(RunState::Succeeded);
    assert_eq!(world.gang.run.attempt(), 1);
}

#[test]
fn a_flower_server_that_fails_costs_an_attempt_even_after_a_client_was_replaced() {
    let mut world = World::training(mk_flower(2));
    world.fails("client@a", Reason::ProcessKilled);
    world.until(RunState::Running);
    world.fails("server@center", Reason::ProcessKilled);
    world.until(RunState::Succeeded);
    assert_eq!(world.gang.run.attempt(), 2);
}

#[test]
fn replacements_are_counted() {
    let mut world = World::training(mk_flower(1));
    world.fails("client@a", Reason::ProcessKilled);
    world.until(RunState::Running);
    world.fails("client@a", Reason::TrainingError);
    world.until(RunState::Failed);
    assert_eq!(
        (world.cause().reason, world.gang.run.attempt()),
        (Reason::TrainingError, 1)
    );
}

#[test]
fn who_stops_without_being_asked_has_failed() {
    let mut world = World::training(mk_iflearner(0));
    world.says("party@a", Stopped);
    world.until(RunState::Failed);
    assert_eq!(
        (world.cause().reason, world.cause().party.clone()),
        (Reason::ProcessKilled, Some(mk_party("a")))
    );
}

#[test]
fn the_back_off_is_not_counted_as_waiting_in_the_queue() {
    let mut spec = mk_iflearner(1);
    spec.policies.deadlines.queue = Some(Span(1));
    let mut world = World::training(spec);
    world.fails("party@a", Reason::ProcessKilled);
    world.until(RunState::Succeeded);
    assert_eq!(world.gang.run.attempt(), 2);
}

#[test]
fn what_the_dead_did_does_not_hide_a_stall() {
    let mut world = World::training(mk_iflearner(1));
    let dead = world.member("party@a").clone();
    world.fails("party@a", Reason::ProcessKilled);
    world.until(RunState::Queued);
    world.until(RunState::Running);
    let progress_at = world.gang.run.progress_at;
    world.pass(Span::mins(1));
    let mut late = mk_report(&dead, Failed);
    late.progress = mk_progress(true, 9);
    assert_eq!(world.hear(&dead.party, &late), Ok(true), "it is kept");
    assert_eq!(world.gang.run.progress_at, progress_at, "and moves nothing");
}

#[test]
fn of_failures_that_come_at_once_the_earliest_is_the_cause() {
    let mut world = World::training(mk_iflearner(0));
    let gang = &mut world.gang;
    for (member, second) in [("party@a", 9), ("server@center", 7), ("party@b", 8)] {
        let (role, party) = member.split_once('@').unwrap();
        let member = gang.members().find(|a| a.role == role && a.party == mk_party(party));
        let mut report = mk_report(member.unwrap(), Failed);
        report.exited_at = Some(START.after(Span::secs(second)));
        // Nothing is planned in between.
        let heard = observe(gang, &mk_party(party), &report, world.now);
        *gang = heard.unwrap().unwrap().gang;
    }
    world.plan();
    assert_eq!(world.cause().party, Some(mk_party("center")));
}

#[test]
fn a_run_that_takes_too_long_is_not_tried_again() {
    let mut spec = mk_iflearner(3);
    spec.policies.deadlines.run = Some(Span::mins(1));
    let mut world = World::training(spec);
    world.wake();
    world.honest_round();
    let run = &world.gang.run;
    assert_eq!(
        (run.state, run.reason),
        (RunState::TimedOut, Reason::RunDeadlineExceeded)
    );
    assert_eq!(run.attempt(), 1);
}
