//! The verdict finds what it is there to find: each lie about a run that went well is noticed.

use std::collections::BTreeSet;

use flow_domain::{AssignmentId, Reason, RunId, RunState, Timestamp};
use serde_json::{Value, json};

use crate::{
    evidence::{Evidence, Known},
    plan::Who,
    runs::Accepted,
    trace::Started,
    verdict::Verdict,
};

const RUN: &str = "018f4e5a7b2c7d3e8f90a1b2c3d4e5f6";

/// Member `index` of attempt `attempt`.
fn id(attempt: u32, index: u32) -> AssignmentId {
    format!("018f4e5a7b2c7d3e8f90a1b2c3d4{attempt:02x}{index:02x}")
        .parse()
        .unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp(second * 1_000_000)
}

fn member(attempt: u32, index: u32, state: &str) -> Value {
    let ended = at(i64::from(attempt) * 10 + 5);
    json!({
        "id": id(attempt, index), "attempt": attempt, "incarnation": 0, "role": "party", "party": format!("party-{index}"),
        "desired": "Stop", "state": state, "reason": "ProcessSucceeded", "message": "", "ready": true, "endpoints": null,
        "exit_code": null, "progress": flow_domain::Progress::default(), "created_at": ended, "state_since": ended,
        "ended_at": ended,
    })
}

/// A run that succeeded the second time, as one of its members was killed in the first.
fn evidence() -> Evidence {
    let cause = json!({"reason": "ProcessKilled", "message": "signal 9", "assignment": id(1, 1), "party": "party-1"});
    let run = json!({
        "id": RUN, "task": RUN, "task_name": "one", "task_revision": 1, "framework": "iflearner", "state": "Succeeded",
        "reason": "Completed", "message": "", "max_attempts": 3, "parties": ["party-0", "party-1"], "hyperparameters": {},
        "cancel_requested": false, "created_at": at(1), "state_since": at(25), "deadline": null, "ended_at": at(25),
        "attempts": [
            {"number": 1, "started_at": at(10), "ended_at": at(15), "cause": cause},
            {"number": 2, "started_at": at(20), "ended_at": at(25), "cause": null},
        ],
    });
    let members = [
        (1, 0, "Stopped"),
        (1, 1, "Failed"),
        (2, 0, "Succeeded"),
        (2, 1, "Succeeded"),
    ];
    let assignments = members.map(|(attempt, index, state)| member(attempt, index, state));
    let attempt = ["Preparing", "Starting", "Running", "Completing"];
    let states = [&["Queued"], &attempt[..], &["Queued"], &attempt[..], &["Succeeded"]].concat();
    let events: Vec<Value> = (1..)
        .zip(states)
        .map(|(sequence, state)| {
            json!({"sequence": sequence, "at": at(1), "state": state, "reason": "Training", "message": ""})
        })
        .collect();
    let read = |value: Value| serde_json::to_string(&value).unwrap();
    let started = members.map(|(attempt, index, _)| {
        let started = Started {
            pids: vec![1],
            beside: vec![id(attempt, 1 - index).to_string()],
            looked: 1,
        };
        (id(attempt, index).to_string(), started)
    });
    Evidence {
        accepted: vec![accepted(RUN)],
        known: vec![Known {
            run: serde_json::from_str(&read(run)).unwrap(),
            assignments: serde_json::from_str(&read(json!(assignments))).unwrap(),
            events: serde_json::from_str(&read(json!(events))).unwrap(),
        }],
        started: started.into(),
        killed: BTreeSet::from([id(1, 1).to_string()]),
        own_ends: vec![(Who::Server, "exit status: 1\ncannot open the database".to_owned())],
    }
}

fn accepted(run: &str) -> Accepted {
    Accepted {
        run: run.parse::<RunId>().unwrap(),
        task: "one".to_owned(),
        in_vain: 0,
    }
}

/// What is said against it, after a change for the worse.
fn said(change: impl FnOnce(&mut Evidence)) -> String {
    let mut evidence = evidence();
    change(&mut evidence);
    Verdict::on(&evidence, false).wrongs().join("\n")
}

#[test]
fn nothing_is_said_against_a_run_that_went_well() {
    assert_eq!(said(|_| {}), "");
    let untouched = Verdict::on(&evidence(), true).wrongs().join("\n");
    assert!(untouched.contains("after 2 attempts"), "{untouched}");
}

#[test]
fn a_run_that_is_lost_or_doubled_is_noticed() {
    let lost = said(|evidence| evidence.accepted.push(accepted("018f4e5a7b2c7d3e8f90a1b2c3d40000")));
    assert!(lost.contains("accepted were"), "{lost}");
    let doubled = said(|evidence| drop(evidence.accepted.pop()));
    assert!(doubled.contains("accepted were"), "{doubled}");
}

#[test]
fn a_wrong_end_is_noticed() {
    let early = said(|evidence| {
        let run = &mut evidence.known[0].run;
        (run.state, run.reason) = (RunState::Failed, Reason::ProcessKilled);
    });
    assert!(early.contains("is Failed after 2 attempts"), "{early}");
    let untouched = said(|evidence| evidence.killed.clear());
    assert!(untouched.contains("nobody has touched"), "{untouched}");
    let odd = said(|evidence| evidence.known[0].run.attempts[0].cause.as_mut().unwrap().reason = Reason::PartyOffline);
    assert!(odd.contains("a cause that nobody made"), "{odd}");
    let nameless = said(|evidence| evidence.known[0].run.attempts[0].cause.as_mut().unwrap().assignment = None);
    assert!(nameless.contains("names no member"), "{nameless}");
    let order = said(|evidence| evidence.known[0].run.attempts.swap(0, 1));
    assert!(order.contains("out of order"), "{order}");
}

#[test]
fn a_step_that_is_not_allowed_is_noticed() {
    let skipped = said(|evidence| drop(evidence.known[0].events.remove(1)));
    assert!(skipped.contains("from Queued to event"), "{skipped}");
    let unfinished = said(|evidence| drop(evidence.known[0].events.pop()));
    assert!(unfinished.contains("the events end with Completing"), "{unfinished}");
}

#[test]
fn a_job_that_is_started_twice_or_beside_another_attempt_is_noticed() {
    let second = id(2, 0).to_string();
    let twice = said(|evidence| evidence.started.get_mut(&second).unwrap().pids.push(2));
    assert!(twice.contains("was started as [1, 2]"), "{twice}");
    let beside = said(|evidence| {
        evidence
            .started
            .get_mut(&second)
            .unwrap()
            .beside
            .push(id(1, 1).to_string())
    });
    assert!(beside.contains("of another one lived"), "{beside}");
    let stranger = said(|evidence| drop(evidence.started.insert("stranger".to_owned(), Started::default())));
    assert!(stranger.contains("no run has it"), "{stranger}");
}

#[test]
fn a_daemon_that_ends_by_itself_is_noticed() {
    let crash = said(|evidence| evidence.own_ends.push((Who::Agent(0), "signal: 6".to_owned())));
    assert!(crash.contains("Agent(0) ended by itself"), "{crash}");
    let up = "exit status: 1\nflow-server is up\nthe database is away";
    let late = said(|evidence| evidence.own_ends.push((Who::Server, up.to_owned())));
    assert!(late.contains("Server ended by itself"), "{late}");
}
