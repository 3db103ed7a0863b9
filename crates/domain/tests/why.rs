//! One answer to "why": the reason that decided, the member that it was, and what to do next.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{mk_flower, mk_iflearner, mk_party, world::World};
use flow_domain::{AssignmentState, PartyId, Reason, RunState, party::Parties, why::why};

#[test]
fn a_waiting_run_names_whom_it_waits_for() {
    let mut world = World::with(mk_iflearner(0), Parties::default());
    world.arrive(&PartyId::center());
    world.arrive(&mk_party("a"));
    let why = why(&world.gang);
    assert_eq!((why.state, why.reason), (RunState::Queued, Reason::WaitingForParty));
    assert_eq!(why.message, "b: its agent has never attached");
    assert!(why.hint.contains("start the agent"), "{}", why.hint);
    assert!(why.chain.is_empty());
}

#[test]
fn a_failed_run_names_the_member_that_failed_first() {
    let mut world = World::training(mk_iflearner(0));
    let culprit = world.member("party@b").id;
    world.tells("party@b", AssignmentState::Failed, |report| {
        report.reason = Reason::TrainingError;
        report.message = "exit code 70: ValueError: no digits".to_owned();
        report.exit_code = Some(70);
    });
    // It goes down with the first, and stands before it in the gang.
    world.fails("party@a", Reason::ThreadError);
    world.until(RunState::Failed);
    let why = why(&world.gang);
    assert_eq!((why.reason, why.culprit), (Reason::TrainingError, Some(culprit)));
    assert_eq!(why.message, "party at b: exit code 70: ValueError: no digits");
    assert_eq!(why.hint, Reason::TrainingError.hint());
    let first = &why.chain[0];
    assert_eq!((first.assignment, first.exit_code), (culprit, Some(70)));
    assert_eq!(why.chain.len(), 3);
}

#[test]
fn while_the_next_attempt_waits_the_last_ones_cause_is_told() {
    let mut world = World::training(mk_iflearner(1));
    world.fails("party@a", Reason::ProcessKilled);
    world.until(RunState::Queued);
    let backing_off = why(&world.gang);
    assert_eq!(
        (backing_off.state, backing_off.reason),
        (RunState::Queued, Reason::ProcessKilled)
    );
    assert_eq!(backing_off.chain[0].party, mk_party("a"));
    world.wake();
    let preparing = why(&world.gang);
    assert_eq!((preparing.reason, preparing.culprit), (Reason::PreparingParties, None));
    assert!(preparing.chain.iter().all(|link| link.attempt == 2));
}

#[test]
fn a_replaced_member_is_in_the_chain_once() {
    let mut world = World::training(mk_flower(1));
    world.fails("client@a", Reason::ProcessKilled);
    let why = why(&world.gang);
    assert_eq!((why.state, why.reason), (RunState::Starting, Reason::WaitingForReady));
    assert_eq!(why.chain.len(), 3);
    assert!(why.chain.iter().all(|link| !link.state.is_failure()));
}

#[test]
fn a_success_needs_no_hint() {
    let mut world = World::training(mk_iflearner(0));
    world.until(RunState::Succeeded);
    let why = why(&world.gang);
    assert_eq!(
        (why.reason, why.culprit, why.hint.as_str()),
        (Reason::Completed, None, "")
    );
}

#[test]
fn a_deadline_is_nobodys_fault_and_has_a_hint() {
    let mut world = World::of(mk_iflearner(0));
    world.wake();
    world.honest_round();
    let why = why(&world.gang);
    assert_eq!((why.state, why.culprit), (RunState::TimedOut, None));
    assert_eq!(
        (why.reason, why.hint.as_str()),
        (Reason::PrepareDeadlineExceeded, Reason::PrepareDeadlineExceeded.hint())
    );
}

#[test]
fn an_answer_survives_json() {
    let mut world = World::training(mk_iflearner(0));
    world.fails("server@center", Reason::ProcessKilled);
    let why = why(&world.gang);
    let json = serde_json::to_string(&why).unwrap();
    assert_eq!(serde_json::from_str::<flow_domain::why::Why>(&json).unwrap(), why);
}

#[test]
fn a_run_that_is_cancelled_while_it_backs_off_has_a_reason_of_its_own() {
    let mut world = World::training(mk_iflearner(1));
    world.tells("party@a", AssignmentState::Failed, |report| {
        report.reason = Reason::ProcessKilled
    });
    world.until(RunState::Queued);
    world.cancel();
    let why = why(&world.gang);
    let answer = (why.state, why.reason, why.culprit);
    assert_eq!(answer, (RunState::Cancelled, Reason::CancelledByUser, None));
}
