//! The time that each part of a start has, and what a party's absence costs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{mk_iflearner, mk_party, world::World};
use flow_domain::{
    AssignmentState::{Prepared, Starting},
    Reason, RunState, Span,
    policy::OnOffline,
};

const MEMBERS: [&str; 3] = ["server@center", "party@a", "party@b"];

/// A gang of which everybody is prepared, so that the server is asked to start. Of iflearner, which has 3 minutes for that.
fn starting() -> World {
    let mut world = World::of(mk_iflearner(0));
    for member in MEMBERS {
        world.says(member, Prepared);
    }
    assert_eq!(world.state(), RunState::Starting);
    world
}

fn pulls(world: &mut World, member: &str) {
    world.tells(member, Starting, |report| {
        report.reason = Reason::ContainerCreating;
        report.message = "its image is on its way".to_owned();
    });
}

fn end_of(mut world: World) -> (RunState, Reason, String) {
    world.honest_round();
    let run = world.gang.run;
    (run.state, run.reason, run.message)
}

#[test]
fn the_time_for_images_is_not_that_for_the_start() {
    let mut world = starting();
    world.pass(Span::mins(2));
    pulls(&mut world, "server@center");
    world.pass(Span::mins(14));
    assert_eq!(world.state(), RunState::Starting, "it pulls for 14 of 15 minutes");
    world.says("server@center", Starting);
    world.pass(Span::secs(59));
    assert_eq!(world.state(), RunState::Starting, "it starts for just under 3 minutes");
    world.pass(Span::secs(1));
    let (state, reason, message) = end_of(world);
    assert_eq!((state, reason), (RunState::TimedOut, Reason::StartDeadlineExceeded));
    assert!(message.contains("not started"), "{message}");
}

#[test]
fn all_images_of_a_gang_share_their_time() {
    let mut world = starting();
    pulls(&mut world, "server@center");
    world.pass(Span::mins(10));
    world.ready("server@center");
    pulls(&mut world, "party@a");
    pulls(&mut world, "party@b");
    world.pass(Span::mins(4));
    world.ready("party@a");
    world.pass(Span::secs(59));
    assert_eq!(world.state(), RunState::Starting, "b still pulls");
    world.pass(Span::secs(1));
    let (state, reason, message) = end_of(world);
    assert_eq!((state, reason), (RunState::TimedOut, Reason::PullDeadlineExceeded));
    assert!(message.contains("party at b to start"), "{message}");
}

#[test]
fn an_image_that_cannot_be_pulled_is_the_cause_itself() {
    let mut world = starting();
    world.tells("server@center", Starting, |report| {
        report.reason = Reason::ImagePullBackOff;
        report.message = "no such image: a/b:1".to_owned();
    });
    world.pass(Span::mins(15));
    let (state, reason, message) = end_of(world);
    assert_eq!((state, reason), (RunState::Failed, Reason::ImagePullBackOff));
    assert!(message.contains("no such image: a/b:1"), "{message}");
}

#[test]
fn registration_has_a_time_of_its_own() {
    let mut world = starting();
    world.pass(Span::secs(179));
    for member in MEMBERS {
        world.ready(member);
    }
    world.pass(Span::mins(4));
    assert_eq!(
        (world.state(), world.gang.run.reason),
        (RunState::Starting, Reason::WaitingForRegistration)
    );
    world.pass(Span::mins(1));
    let (state, reason, _) = end_of(world);
    assert_eq!((state, reason), (RunState::TimedOut, Reason::RegisterDeadlineExceeded));
}

#[test]
fn whether_an_absence_costs_the_run_is_a_matter_of_policy() {
    for (policy, then) in [
        (OnOffline::Restart, RunState::Queued),
        (OnOffline::Fail, RunState::Failed),
    ] {
        let mut spec = mk_iflearner(3);
        spec.policies.on_offline = policy;
        let mut world = World::training(spec);
        world.leave(&mk_party("b"));
        world.pass(Span::mins(1));
        assert_eq!(world.cause().reason, Reason::PartyOffline);
        world.until(then);
        assert_eq!(world.gang.run.attempt(), 1);
    }
}
