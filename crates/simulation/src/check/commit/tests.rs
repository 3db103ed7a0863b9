//! Each rule of a change is seen to be broken where somebody has tampered with one.

use flow_domain::{
    AssignmentState, Deadlines, Desired, Participant, Run, RunId, Task, TaskId, Template, TemplateId, Timestamp,
    approval::Approval,
    gang,
    party::{Liveness, Parties, Presence},
    run::{Cause, StartOptions},
    task::Select,
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

/// Party a is trusted, and b is not.
fn labels() -> BTreeMap<PartyId, Labels> {
    let trusted = Labels::from([("tier".to_owned(), "trusted".to_owned())]);
    BTreeMap::from([("a".parse().unwrap(), trusted), ("b".parse().unwrap(), Labels::new())])
}

/// The rules that are broken once somebody has tampered with the beginning of a run.
fn tampered(tamper: impl FnOnce(&mut Gang, &mut gang::Planned)) -> Vec<Rule> {
    let (mut before, mut after) = begun();
    tamper(&mut before, &mut after);
    let broken = broken(&labels(), Some(&before), &after.gang, &after.events);
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

/// Both ask for approval; these were the decisions about them.
fn decided(before: Option<bool>, after: Option<bool>) -> Vec<Rule> {
    let approval = |granted| Approval {
        granted,
        by: String::new(),
        comment: "so".to_owned(),
        at: NOW,
    };
    tampered(|was, is| {
        for (gang, granted) in [(was, before), (&mut is.gang, after)] {
            gang.run.spec.policies.approval = true;
            gang.run.approval = granted.map(approval);
        }
    })
}

#[test]
fn what_begins_without_approval_is_seen() {
    assert_eq!(decided(Some(true), Some(true)), []);
    for (before, after) in [
        (None, None),
        (None, Some(false)),
        (Some(false), Some(true)),
        (Some(true), None),
    ] {
        let broken = decided(before, after);
        assert!(broken.contains(&Rule::Approval), "{before:?} {after:?} {broken:?}");
    }
    let unasked = tampered(|before, _| before.run.spec.policies.approval = true);
    assert_eq!(unasked, [Rule::Choice], "the spec has changed");
}

/// What is broken if so many trusted parties, besides those of `before`, are asked for, and these take part.
fn chosen(before: &[&str], min: u32, max: Option<u32>, after: &[&str]) -> Vec<Rule> {
    let participants = |names: &[&str]| -> Vec<Participant> {
        let participant = |name: &&str| Participant {
            party: name.parse().unwrap(),
            dataset: None,
        };
        names.iter().map(participant).collect()
    };
    tampered(|was, is| {
        was.run.spec.participants = participants(before);
        was.run.spec.select = Some(Select {
            labels: labels().remove(&"a".parse().unwrap()).unwrap(),
            dataset: None,
            min,
            max,
        });
        is.gang.run.spec.participants = participants(after);
    })
}

#[test]
fn who_was_not_asked_for_is_seen() {
    assert_eq!(chosen(&[], 1, None, &["a"]), []);
    assert_eq!(chosen(&["b"], 1, Some(1), &["b", "a"]), []);
    assert_eq!(chosen(&[], 1, None, &["b"]), [Rule::Choice], "not trusted");
    assert_eq!(chosen(&[], 1, None, &["c"]), [Rule::Choice], "not known");
    assert_eq!(chosen(&[], 2, None, &["a"]), [Rule::Choice], "too few");
    assert_eq!(chosen(&["b"], 1, None, &["a"]), [Rule::Choice], "b was named");
    assert_eq!(chosen(&[], 1, None, &["a", "a"]), [Rule::Choice], "twice");
}

#[test]
fn fewer_than_asked_for_are_seen() {
    let with = |min: u32| {
        tampered(|before, _| {
            let mut second = before.run.spec.participants[0].clone();
            second.party = "b".parse().unwrap();
            before.run.spec.participants.push(second);
            before.run.spec.min_parties = Some(min);
        })
    };
    assert_eq!(with(1), []);
    assert_eq!(with(2), [Rule::Choice]);
}

#[test]
fn a_run_that_begins_before_its_parties_are_settled_is_seen() {
    let open = tampered(|before, after| {
        before.run.spec.min_parties = Some(1);
        after.gang.run.spec.min_parties = Some(1);
    });
    assert_eq!(open, [Rule::Choice]);
}
