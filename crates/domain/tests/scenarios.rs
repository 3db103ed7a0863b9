//! The stories that a run can have, each told once and in plain steps.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{
    mk_iflearner, mk_party, mk_progress, mk_spec,
    profiles::{mk_profile, parties_of},
    world::World,
};
use flow_domain::{
    AssignmentState::{Failed, Lost, Prepared, Running, Stopped, Succeeded},
    Desired, Reason, RunState, Span,
    profile::{DoneBy, ProgressSource},
};

#[test]
fn the_server_comes_first_then_the_parties_and_what_is_left_is_stopped() {
    let mut world = World::of(mk_iflearner(0));
    assert_eq!(world.state(), RunState::Preparing);
    for member in ["server@center", "party@a", "party@b"] {
        assert_eq!(world.desired(member), Desired::Prepare);
        world.says(member, Prepared);
    }
    assert_eq!(
        (world.state(), world.desired("server@center")),
        (RunState::Starting, Desired::Run)
    );
    world.says("server@center", Running);
    assert_eq!(
        world.desired("party@a"),
        Desired::Prepare,
        "the server runs and is not ready"
    );
    world.ready("server@center");
    world.ready("party@a");
    world.ready("party@b");
    assert_eq!(world.gang.run.reason, Reason::WaitingForRegistration);
    world.counts(
        "server@center",
        &[("a", mk_progress(true, 0)), ("b", mk_progress(true, 0))],
    );
    assert_eq!(world.state(), RunState::Running);
    world.says("party@a", Succeeded);
    world.says("party@b", Succeeded);
    assert_eq!(
        (world.state(), world.desired("server@center")),
        (RunState::Completing, Desired::Stop)
    );
    world.says("server@center", Stopped);
    assert_eq!(
        (world.state(), world.gang.run.reason),
        (RunState::Succeeded, Reason::Completed)
    );
}

#[test]
fn a_party_waits_for_its_peers_addresses() {
    let mut world = World::of(mk_iflearner(0));
    assert!(world.gang.spec_of(world.member("party@a")).peers.is_empty());
    world.until(RunState::Running);
    let spec = world.gang.spec_of(world.member("party@a"));
    let peers: Vec<&str> = spec.peers.iter().map(|peer| peer.endpoints.host.as_str()).collect();
    assert_eq!(peers, ["b.test", "center.test"]);
}

#[test]
fn who_does_not_register_in_time_is_named() {
    let mut world = World::of(mk_iflearner(0));
    for member in ["server@center", "party@a", "party@b"] {
        world.says(member, Prepared);
    }
    for member in ["server@center", "party@a", "party@b"] {
        world.ready(member);
    }
    world.counts("server@center", &[("a", mk_progress(true, 0))]);
    world.wake();
    world.honest_round();
    let run = &world.gang.run;
    assert_eq!(
        (run.state, run.reason),
        (RunState::TimedOut, Reason::RegisterDeadlineExceeded)
    );
    assert!(run.message.contains("party at b to register"), "{}", run.message);
    assert!(!run.message.contains("party at a"), "{}", run.message);
}

#[test]
fn a_run_without_progress_is_stalled() {
    let mut world = World::training(mk_iflearner(0));
    world.pass(Span::mins(14));
    world.counts("server@center", &[("a", mk_progress(true, 1))]);
    world.pass(Span::mins(14));
    assert_eq!(world.state(), RunState::Running, "there was progress 14 minutes ago");
    world.wake();
    world.honest_round();
    let run = &world.gang.run;
    assert_eq!((run.state, run.reason), (RunState::Failed, Reason::Stalled));
    assert!(run.message.contains("a in round 1, b in round 0"), "{}", run.message);
}

#[test]
fn waiting_for_a_party_is_no_stall() {
    let spec = mk_spec(&mk_profile(&["data"], &["data"]), 1);
    let mut world = World::with(spec, Default::default());
    world.pass(Span::hours(1));
    world.arrive(&mk_party("a"));
    world.says("data@a", Prepared);
    world.ready("data@a");
    assert_eq!(world.state(), RunState::Running);
    world.pass(Span::mins(14));
    assert_eq!(world.state(), RunState::Running);
    world.pass(Span::mins(1));
    assert_eq!(world.cause().reason, Reason::Stalled);
}

#[test]
fn a_run_is_cancelled_in_whatever_state_it_is() {
    use RunState::{Cancelled, Preparing, Queued, Running, Starting};
    for state in [Queued, Preparing, Starting, Running] {
        let mut world = World::with(mk_iflearner(1), Default::default());
        for party in parties_of(&world.gang.run.spec).iter().filter(|_| state != Queued) {
            world.arrive(party);
        }
        world.until(state);
        world.cancel();
        world.until(Cancelled);
        assert_eq!(world.gang.run.reason, Reason::CancelledByUser);
        assert!(
            world.gang.assignments.iter().all(|a| a.state == Stopped),
            "from {state}"
        );
    }
}

#[test]
fn a_cancelled_run_does_not_retry_and_what_was_decided_stays() {
    let mut retrying = World::training(mk_iflearner(1));
    retrying.fails("party@a", Reason::ProcessKilled);
    retrying.cancel();
    retrying.until(RunState::Cancelled);
    assert_eq!(retrying.gang.run.attempt(), 1);

    let mut done = World::training(mk_iflearner(1));
    done.says("party@a", Succeeded);
    done.says("party@b", Succeeded);
    done.cancel();
    done.until(RunState::Succeeded);
}

#[test]
fn what_happens_while_stopping_does_not_matter() {
    let mut world = World::training(mk_iflearner(0));
    world.says("party@a", Succeeded);
    world.says("party@b", Succeeded);
    world.fails("server@center", Reason::ProcessKilled);
    assert_eq!(
        (world.state(), world.member("server@center").state),
        (RunState::Succeeded, Failed)
    );
}

#[test]
fn who_does_not_stop_in_time_is_lost_and_the_run_keeps_its_outcome() {
    let mut world = World::training(mk_iflearner(0));
    world.says("party@a", Succeeded);
    world.says("party@b", Succeeded);
    world.wake();
    let left = world.member("server@center");
    assert_eq!((left.state, left.reason), (Lost, Reason::StopDeadlineExceeded));
    assert_eq!(world.state(), RunState::Succeeded);
    assert!(
        world
            .events
            .iter()
            .any(|event| event.reason == Reason::StopDeadlineExceeded)
    );
}

#[test]
fn the_last_words_of_the_aggregation_count() {
    let mut profile = mk_profile(&["data", "server"], &["data"]);
    profile.completion.by = DoneBy::Status;
    let pattern = "round (?P<round>[0-9]+)".to_owned();
    profile.roles.get_mut("server").unwrap().progress = Some(ProgressSource::Log { pattern });
    let mut world = World::of(mk_spec(&profile, 1));
    for member in ["data@a", "server@center"] {
        world.says(member, Prepared);
    }
    for member in ["data@a", "server@center"] {
        world.ready(member);
    }
    let mut done = mk_progress(true, 3);
    done.complete = true;
    // What it said in between was lost: reports coalesce.
    world.tells("server@center", Succeeded, |report| {
        report.members = vec![(mk_party("a"), done)]
    });
    assert_eq!(world.state(), RunState::Completing);
    world.until(RunState::Succeeded);
}
