//! What must hold whatever happens: between a gang and what became of it, and of a gang at rest.

use std::collections::{BTreeMap, BTreeSet};

use flow_domain::{
    Assignment, AssignmentId, AssignmentState, Desired, Reason, RunState, Timestamp,
    gang::{Gang, Planned, plan, wake_at},
    party::Parties,
    profile::DoneBy,
    run::Attempt,
};

/// Of every change, whether a report or the planner made it.
pub fn between(before: &Gang, after: &Planned) {
    run_steps_are_legal(before, after);
    assignment_steps_are_legal(before, after);
    for new in &after.gang.assignments {
        let old = before.assignments.iter().find(|a| a.id == new.id);
        assert_eq!(new.state.is_terminal(), new.ended_at.is_some(), "{new:?}");
        wanted_moves_on(old, new);
        if let Some(old) = old.filter(|a| a.state.is_terminal()) {
            let mut as_before = new.clone();
            as_before.progress.clone_from(&old.progress);
            assert_eq!(&as_before, old, "final is final, but for progress");
        }
    }
    let kept = before.assignments.iter().map(|a| a.id);
    assert!(
        kept.eq(after
            .gang
            .assignments
            .iter()
            .map(|a| a.id)
            .take(before.assignments.len()))
    );
    of_itself(&after.gang);
}

/// Of a report: it changes what it is about, and of others of the same attempt nothing but their progress.
pub fn heard(before: &Gang, after: &Gang, about: AssignmentId) {
    let attempt = before.assignments.iter().find(|a| a.id == about).map(|a| a.attempt);
    for (old, new) in before.assignments.iter().zip(&after.assignments) {
        let mut as_before = new.clone();
        if Some(old.attempt) == attempt {
            as_before.progress.clone_from(&old.progress);
        }
        assert!(
            old.id == about || &as_before == old,
            "a report about {about} changed {new:?}"
        );
    }
    assert_eq!(before.assignments.len(), after.assignments.len());
    assert_eq!(before.run.state, after.run.state);
}

fn run_steps_are_legal(before: &Gang, after: &Planned) {
    let (old, new) = (&before.run, &after.gang.run);
    assert!(old.spec == new.spec || old.spec.is_open(), "what was started is frozen");
    if old.state.is_terminal() {
        assert_eq!(old, new, "a final run is final");
    }
    let mut state = old.state;
    for event in after.events.iter().filter(|event| event.assignment.is_none()) {
        let next = RunState::parse(&event.state).expect("events name states");
        assert!(next == state || state.may_become(next), "run {state} -> {next}");
        state = next;
    }
    assert_eq!(state, new.state, "every step of the run is told");
}

fn assignment_steps_are_legal(before: &Gang, after: &Planned) {
    let old = before.assignments.iter().map(|a| (a.id, a.state));
    let mut states: BTreeMap<_, _> = old.collect();
    for event in &after.events {
        let Some(id) = event.assignment else { continue };
        let next = AssignmentState::ALL.into_iter().find(|s| s.to_string() == event.state);
        let next = next.expect("events name states");
        let state = states.entry(id).or_insert(AssignmentState::Pending);
        assert!(next == *state || state.may_become(next), "assignment {state} -> {next}");
        *state = next;
    }
    for new in &after.gang.assignments {
        let told = states.get(&new.id).copied().unwrap_or(AssignmentState::Pending);
        assert_eq!(told, new.state, "every step of {} is told", new.label());
    }
}

fn wanted_moves_on(old: Option<&Assignment>, new: &Assignment) {
    let (desired, generation) = old.map_or((Desired::Prepare, 1), |a| (a.desired, a.generation));
    assert!(new.desired >= desired, "{desired:?} -> {:?}", new.desired);
    let grown = new.generation - generation;
    let steps = new.desired as u64 - desired as u64;
    assert!(
        grown <= steps && (grown == 0) == (steps == 0),
        "{steps} steps, {grown} generations"
    );
}

/// Of the planner's changes: who is asked to run has everyone prepared and its start order fulfilled.
pub fn asked_in_order(before: &Gang, after: &Gang) {
    let old = |id| before.assignments.iter().find(|a| a.id == id);
    for asked in after.current().filter(|a| a.desired == Desired::Run) {
        if old(asked.id).is_some_and(|a| a.desired == Desired::Run) {
            continue;
        }
        let first = |a: &&Assignment| a.incarnation == 0;
        let is_prepared = |a: &Assignment| a.state > AssignmentState::Pending;
        assert!(before.current().filter(first).all(is_prepared), "all prepare first");
        for role in &after.run.spec.profile.roles[&asked.role].start_after {
            let mut those = before.members().filter(|a| a.role == *role);
            let is_ready = |a: &Assignment| a.ready || a.state == AssignmentState::Succeeded;
            assert!(those.all(is_ready), "{} starts before {role} is ready", asked.label());
        }
    }
}

/// Of a gang in itself, at any time.
fn of_itself(gang: &Gang) {
    let run = &gang.run;
    let numbers = run.attempts.iter().map(|attempt| attempt.number);
    assert!(numbers.eq(1..=run.attempt()), "attempts count from 1");
    let tries = run.attempts.iter().filter(|attempt| !attempt.given_back).count();
    assert!(tries <= run.spec.policies.max_retries as usize + 1, "too many attempts");
    for attempt in &run.attempts {
        shortage_fails_nothing(gang, attempt);
    }
    assert!(run.member_restarts <= run.spec.policies.max_retries);
    assert_eq!(run.outcome.is_some(), run.state == RunState::Completing);
    assert_eq!(run.state.is_terminal(), run.ended_at.is_some());
    let between_attempts = !run.is_taking();
    assert!(run.state != RunState::AwaitingApproval || run.attempts.is_empty());
    assert!(
        run.attempts.is_empty() || !run.spec.is_open(),
        "who takes part is settled"
    );
    let granted = run.approval.as_ref().is_some_and(|approval| approval.granted);
    assert!(
        run.attempts.is_empty() || granted || !run.spec.policies.approval,
        "not approved"
    );
    for attempt in &run.attempts {
        let over = attempt.number < run.attempt() || between_attempts;
        assert_eq!(attempt.ended_at.is_some(), over, "{attempt:?}");
    }
    let mut live = BTreeSet::new();
    for a in gang.assignments.iter().filter(|a| !a.state.is_terminal()) {
        assert!(
            a.attempt == run.attempt() && !between_attempts,
            "a straggler: {}",
            a.label()
        );
        assert!(live.insert((&a.role, &a.party)), "two live: {}", a.label());
    }
    if run.state.is_terminal() {
        has_its_cause(gang);
    }
}

/// What a party lacks is waited for, and what is given back for that had started nothing.
fn shortage_fails_nothing(gang: &Gang, attempt: &Attempt) {
    let cause = attempt.cause.as_ref().map(|cause| cause.reason);
    assert!(
        !attempt.given_back || cause.is_some_and(Reason::is_shortage),
        "{attempt:?}"
    );
    let mut members = gang.assignments.iter().filter(|a| a.attempt == attempt.number);
    // From preparing to stopping it is one generation; running would be one between them.
    let was_asked = |a: &Assignment| a.desired == Desired::Run || a.generation > 2;
    assert!(!attempt.given_back || !members.any(was_asked), "{attempt:?}");
}

fn has_its_cause(gang: &Gang) {
    let run = &gang.run;
    let cause = run.cause().map(|cause| cause.reason);
    assert!(!run.message.is_empty());
    match run.state {
        RunState::Succeeded => {
            assert_eq!(cause, None);
            assert!(is_complete(gang), "the completion rule is not met");
        }
        // In the queue there is no attempt to carry a cause: the run itself says it.
        RunState::TimedOut if run.reason == Reason::QueueDeadlineExceeded => {
            assert_eq!(run.not_before, None, "who waits for the back-off waits for nobody");
        }
        RunState::TimedOut if run.reason == Reason::ApproveDeadlineExceeded => assert_eq!(run.approval, None),
        RunState::Rejected if run.reason == Reason::ApprovalDenied => {
            assert!(run.approval.as_ref().is_some_and(|approval| !approval.granted));
        }
        RunState::Cancelled => assert_eq!(run.reason, Reason::CancelledByUser),
        _ => assert_eq!(cause, Some(run.reason), "{run:?}"),
    }
}

fn is_complete(gang: &Gang) -> bool {
    let completion = &gang.run.spec.profile.completion;
    let counts = |a: &&Assignment| completion.roles.contains(&a.role);
    let by_status = |a: &Assignment| completion.by == DoneBy::Status && a.progress.complete;
    let is_done = |a: &Assignment| a.state == AssignmentState::Succeeded || by_status(a);
    gang.members().any(|a| counts(&a)) && gang.members().filter(counts).all(is_done)
}

/// Of a gang that was just planned.
pub fn at_rest(gang: &Gang, parties: &Parties, now: Timestamp) {
    let plan_at = |at| plan(gang, parties, at).expect("the planner breaks no rule");
    assert_eq!(plan_at(now), None, "a second plan changes nothing");
    let wake = wake_at(gang, parties);
    if gang.run.state.is_terminal() {
        assert_eq!((wake, gang.run.deadline), (None, None));
        return;
    }
    let deadline = gang.run.deadline.expect("every live state has a deadline");
    let wake = wake.expect("a live run wakes");
    assert!(wake > now, "{} wakes in the past: {}", gang.run.state, gang.run.message);
    assert!(wake <= deadline);
    let before = Timestamp(wake.micros() - 1);
    let midway = Timestamp(now.micros().midpoint(wake.micros()));
    for at in [before, midway] {
        assert_eq!(plan_at(at), None, "nothing changes before {wake}");
    }
}
