//! Each rule of a change is seen to be broken where somebody has tampered with one.

use flow_domain::{
    AssignmentState, Deadlines, Desired, Run, RunId, Task, TaskId, Template, TemplateId, Timestamp, gang,
    party::{Liveness, Parties, Presence},
    run::{Cause, StartOptions},
    validate,
};
use serde_json::json;
use uuid::Uuid;

use super::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

/// A run that waits, and what became of it when it began.
fn begun() -> (Gang, gang::Planned) {
    let template = json!({ "name": "digits", "framework": "iflearner", "command": ["train"] });
    let template = Template {
        id: TemplateId(Uuid::nil()),
        spec: serde_json::from_value(template).unwrap(),
        revision: 1,
        created_at: NOW,
        modified_at: NOW,
    };
    let task = json!({ "name": "digits", "template": "digits", "participants": [{ "party": "a" }] });
    let task = Task {
        id: TaskId(Uuid::nil()),
        template: template.id,
        spec: serde_json::from_value(task).unwrap(),
        revision: 1,
        created_at: NOW,
        modified_at: NOW,
    };
    let spec = validate::resolve(
        &template.spec,
        &task.spec,
        &StartOptions::default(),
        &Deadlines::default(),
    )
    .unwrap();
    let gang = Gang {
        run: Run::submitted(RunId(Uuid::nil()), &task, spec, NOW),
        assignments: Vec::new(),
    };
    let online = Presence {
        liveness: Liveness::Online,
        since: NOW,
    };
    let parties = gang.run.spec.parties().into_iter().map(|party| (party.clone(), online));
    let planned = gang::admit(&gang, &[], &Parties(parties.collect()), NOW)
        .unwrap()
        .unwrap();
    (gang, planned)
}

/// The rules that are broken once somebody has tampered with the beginning of a run.
fn tampered(tamper: impl FnOnce(&mut Gang, &mut gang::Planned)) -> Vec<Rule> {
    let (mut before, mut after) = begun();
    tamper(&mut before, &mut after);
    let broken = broken(Some(&before), &after.gang, &after.events);
    broken.into_iter().map(|(rule, _)| rule).collect()
}

#[test]
fn what_the_planner_does_breaks_no_rule() {
    assert_eq!(tampered(|_, _| {}), []);
}

#[test]
fn a_second_live_attempt_is_seen() {
    let broken = tampered(|_, after| {
        let mut second = after.gang.run.attempts[0].clone();
        second.number = 2;
        after.gang.run.attempts.push(second);
    });
    assert!(broken.contains(&Rule::OneAttempt), "{broken:?}");
}

#[test]
fn a_second_assignment_of_a_member_is_seen() {
    let broken = tampered(|_, after| {
        let mut second = after.gang.assignments[0].clone();
        second.incarnation += 1;
        after.gang.assignments.push(second);
    });
    assert_eq!(broken, [Rule::OneAttempt]);
}

#[test]
fn a_step_that_is_not_allowed_is_seen() {
    assert_eq!(tampered(|_, after| after.events.clear()), [Rule::LegalSteps]);
    let broken = tampered(|before, _| before.run.state = RunState::Completing);
    assert_eq!(broken, [Rule::LegalSteps]);
}

#[test]
fn a_final_run_that_goes_on_is_seen() {
    let broken = tampered(|before, _| {
        before.run.state = RunState::Failed;
        before.run.ended_at = Some(NOW);
    });
    assert!(broken.contains(&Rule::FinalStays), "{broken:?}");
}

#[test]
fn a_final_assignment_that_changes_is_seen() {
    let broken = tampered(|before, after| {
        before.clone_from(&after.gang);
        after.events.clear();
        before.assignments[0].state = AssignmentState::Lost;
    });
    assert!(broken.contains(&Rule::FinalStays), "{broken:?}");
}

#[test]
fn a_failure_without_a_reason_is_seen() {
    let broken = tampered(|_, after| {
        let member = &mut after.gang.assignments[0];
        member.state = AssignmentState::Failed;
        member.message.clear();
    });
    assert_eq!(broken, [Rule::Reason]);
}

fn decided_by(after: &mut gang::Planned, reason: Reason, given_back: bool) {
    let attempt = &mut after.gang.run.attempts[0];
    attempt.given_back = given_back;
    attempt.cause = Some(Cause {
        reason,
        message: "too little".to_owned(),
        assignment: None,
        party: None,
    });
}

#[test]
fn a_shortage_that_fails_something_is_seen() {
    let broken = tampered(|_, after| decided_by(after, Reason::CapacityExceeded, false));
    assert_eq!(broken, [Rule::Shortage]);
    let broken = tampered(|_, after| decided_by(after, Reason::ProcessFailed, true));
    assert_eq!(broken, [Rule::Shortage]);
    assert_eq!(tampered(|_, after| decided_by(after, Reason::PortsExhausted, true)), []);
    let broken = tampered(|_, after| {
        after.gang.run.state = RunState::Failed;
        after.gang.run.reason = Reason::CapacityExceeded;
    });
    assert!(broken.contains(&Rule::Shortage), "{broken:?}");
}

#[test]
fn an_attempt_that_is_given_back_too_late_is_seen() {
    let broken = tampered(|_, after| {
        decided_by(after, Reason::CapacityExceeded, true);
        let member = &mut after.gang.assignments[0];
        (member.desired, member.generation) = (Desired::Stop, 3);
    });
    assert_eq!(broken, [Rule::Shortage]);
}

#[test]
fn a_state_without_a_deadline_is_seen() {
    assert_eq!(tampered(|_, after| after.gang.run.deadline = None), [Rule::Ends]);
}
