//! Runs that somebody has to approve.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{START, mk_iflearner, world::World};
use flow_domain::{Reason, RunState, Span, approval::Judgement, gang::Undecidable, validate, why::why};

fn awaiting() -> World {
    let mut spec = mk_iflearner(1);
    spec.policies.approval = true;
    let world = World::of(spec);
    assert_eq!(
        (world.state(), world.gang.run.reason),
        (RunState::AwaitingApproval, Reason::WaitingForApproval)
    );
    world
}

#[test]
fn it_waits_for_approval_without_a_place_and_its_queue_time_begins_with_it() {
    let mut world = awaiting();
    assert!(!world.gang.run.is_waiting() && !world.gang.run.is_taking());
    world.pass(Span::hours(23));
    assert_eq!(world.gang.assignments, [], "nobody is asked to prepare");
    assert_eq!(world.judge(true), Ok(true));
    let run = &world.gang.run;
    assert_eq!(run.state, RunState::Preparing, "the queue is empty");
    assert_eq!(
        (run.created_at, run.arrived_at()),
        (START, START.after(Span::hours(23)))
    );
    let told = world
        .events
        .iter()
        .find(|event| event.reason == Reason::Approved)
        .unwrap();
    assert_eq!(
        (told.state.as_str(), told.message.as_str()),
        ("Queued", "approved by ann: the data was looked at")
    );
}

#[test]
fn the_queue_deadline_counts_from_the_approval() {
    let mut spec = mk_iflearner(0);
    spec.policies.approval = true;
    let mut world = World::with(spec, flow_domain::party::Parties::default());
    world.pass(Span::hours(23));
    world.judge(true).unwrap();
    assert_eq!(world.state(), RunState::Queued);
    world.pass(Span(Span::hours(24).0 - 1));
    assert_eq!(world.state(), RunState::Queued);
    world.pass(Span(1));
    assert_eq!(world.gang.run.reason, Reason::QueueDeadlineExceeded);
}

#[test]
fn who_rejects_it_ends_it_and_says_why() {
    let mut world = awaiting();
    assert_eq!(world.judge(false), Ok(true));
    let run = &world.gang.run;
    assert_eq!((run.state, run.reason), (RunState::Rejected, Reason::ApprovalDenied));
    assert_eq!(run.message, "rejected by ann: the data was looked at");
    let why = why(&world.gang);
    assert_eq!((why.reason, why.message.as_str()), (run.reason, run.message.as_str()));
    assert!(!why.hint.is_empty());
}

#[test]
fn the_same_twice_is_no_error_and_the_opposite_is() {
    let mut approved = awaiting();
    approved.judge(true).unwrap();
    let id = approved.gang.run.id;
    assert_eq!(approved.judge(true), Ok(false));
    assert_eq!(approved.judge(false), Err(Undecidable::Approved(id)));
    approved.until(RunState::Succeeded);
    assert_eq!(approved.judge(true), Ok(false));

    let mut rejected = awaiting();
    rejected.judge(false).unwrap();
    assert_eq!(rejected.judge(false), Ok(false));
    assert_eq!(rejected.judge(true), Err(Undecidable::Rejected(id)));
}

#[test]
fn what_was_not_asked_or_is_over_cannot_be_decided() {
    let mut plain = World::of(mk_iflearner(0));
    let id = plain.gang.run.id;
    assert_eq!(plain.judge(true), Err(Undecidable::NotAsked(id)));

    let mut cancelled = awaiting();
    cancelled.cancel();
    let over = Undecidable::Over {
        id,
        state: RunState::Cancelled,
    };
    assert_eq!(cancelled.state(), RunState::Cancelled);
    assert_eq!(cancelled.judge(true), Err(over.clone()));
    assert_eq!(cancelled.judge(false), Err(over));
}

#[test]
fn nobody_waits_for_approval_for_ever() {
    let mut world = awaiting();
    world.pass(Span(Span::hours(24).0 - 1));
    assert_eq!(world.state(), RunState::AwaitingApproval);
    world.pass(Span(1));
    let run = &world.gang.run;
    assert_eq!(
        (run.state, run.reason),
        (RunState::TimedOut, Reason::ApproveDeadlineExceeded)
    );
    assert_eq!(run.message, "nobody approved it within 1d");
}

#[test]
fn who_rejects_has_to_say_why_and_texts_are_bounded() {
    let says = |by: &str, comment: &str, granted| {
        let judgement = Judgement {
            by: by.to_owned(),
            comment: comment.to_owned(),
        };
        let checked = validate::judgement(&judgement, granted);
        let violations = checked.err().map(|violations| violations.0).unwrap_or_default();
        violations
            .into_iter()
            .map(|violation| violation.field)
            .collect::<Vec<_>>()
    };
    assert_eq!(says("", "", true), Vec::<String>::new());
    assert_eq!(says("ann", "not this data", false), Vec::<String>::new());
    assert_eq!(says("ann", " ", false), ["comment"]);
    assert_eq!(says(&"a".repeat(129), &"b".repeat(4097), true), ["by", "comment"]);
    assert_eq!(says("a\0", "b", false), ["by"]);
}
