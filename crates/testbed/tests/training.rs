//! Real iflearner training, and everything that goes wrong with it: each ends in the right state with the right reason, and all
//! processes are gone.
#![allow(clippy::unwrap_used, reason = "a test ends there")]

use std::time::Duration;

use flow_domain::{AssignmentState, PartyId, Reason, RunState};
use flow_testbed::{Api, System, faulty, iflearner, kill, within};
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(90);

async fn system() -> System {
    System::with(&iflearner().await).start().await
}

/// Runs a training in which `party-b` fails as told, and waits for its end.
async fn with_fault(fault: &str, more: serde_json::Value) -> (System, flow_api::RunView, flow_api::Why) {
    let system = system().await;
    let command = ["--fault", fault, "--fault-party", "party-b", "--fault-attempt", "1"];
    let run = system.submit(faulty("faulty", 3, &command), more).await;
    let run = system.api.finished(run, LIMIT).await;
    let why = system.api.why(run.id).await;
    system.nothing_left().await;
    (system, run, why)
}

async fn progress(api: &Api, run: flow_domain::RunId, party: &str) -> flow_domain::Progress {
    let assignments = api.assignments(run).await;
    let member = assignments
        .into_iter()
        .rfind(|a| a.party.as_str() == party && a.role == "party");
    member.unwrap().progress
}

#[tokio::test]
async fn two_parties_train_to_success() {
    let system = system().await;
    let run = system.submit(faulty("well", 3, &[]), json!({})).await;
    let run = system.api.finished(run, LIMIT).await;
    assert_eq!(
        (run.state, run.reason),
        (RunState::Succeeded, Reason::Completed),
        "{}",
        run.message
    );
    assert_eq!(run.attempts.len(), 1);
    for party in ["party-a", "party-b"] {
        let progress = progress(&system.api, run.id, party).await;
        assert_eq!(
            (progress.round, progress.total, progress.registered),
            (3, Some(3), true),
            "{party}"
        );
        assert!(progress.metrics["accuracy"] > 0.7, "{party}: {progress:?}");
    }
    let logs = system.api.request(
        reqwest::Method::GET,
        &format!("/runs/{}/logs?role=party&tail=1000", run.id),
    );
    let logs = logs.send().await.unwrap().text().await.unwrap();
    for party in ["party-a", "party-b"] {
        assert!(
            logs.lines()
                .any(|line| line.contains(party) && line.contains("flow-metric round=3 accuracy=")),
            "{logs}"
        );
    }
    let states: Vec<String> = system
        .api
        .events(run.id)
        .await
        .into_iter()
        .filter(|e| e.assignment.is_none())
        .map(|e| e.state)
        .collect();
    for state in ["Queued", "Preparing", "Starting", "Running", "Completing", "Succeeded"] {
        assert!(
            states.iter().any(|known| known == state),
            "{state} is missing in {states:?}"
        );
    }
    system.nothing_left().await;
}

#[tokio::test]
async fn an_error_in_the_training_code_fails_the_run_with_its_last_words() {
    let (_system, run, why) = with_fault("raise-in-fit@2", json!({})).await;
    assert_eq!(
        (run.state, run.reason),
        (RunState::Failed, Reason::TrainingError),
        "{}",
        run.message
    );
    let culprit = &why.chain[0];
    assert_eq!((culprit.party.as_str(), culprit.exit_code), ("party-b", Some(70)));
    assert!(
        culprit.log.iter().any(|line| line.contains("Traceback")),
        "{:?}",
        culprit.log
    );
    assert!(!why.hint.is_empty());
}

#[tokio::test]
async fn an_error_is_forgiven_where_a_retry_is_left() {
    let (_system, run, _) = with_fault("exit@2", json!({"policies": {"max_retries": 1}})).await;
    assert_eq!(run.state, RunState::Succeeded, "{}: {}", run.reason, run.message);
    let cause = run.attempts[0].cause.as_ref().unwrap();
    assert_eq!(
        (
            run.attempts.len(),
            cause.reason,
            cause.party.as_ref().map(PartyId::as_str)
        ),
        (2, Reason::ProcessFailed, Some("party-b"))
    );
    assert!(cause.message.contains("exit code 3"), "{}", cause.message);
}

#[tokio::test]
async fn a_party_that_never_registers_is_named_at_the_register_deadline() {
    let more = json!({"policies": {"deadlines": {"register": "8s"}}});
    let (_system, run, why) = with_fault("never-register", more).await;
    assert_eq!(
        (run.state, run.reason),
        (RunState::TimedOut, Reason::RegisterDeadlineExceeded),
        "{}",
        run.message
    );
    assert!(why.message.contains("party at party-b to register"), "{}", why.message);
}

#[tokio::test]
async fn a_zombie_without_progress_is_ended_by_the_stall_rule() {
    let more = json!({"policies": {"deadlines": {"stall": "6s"}}});
    let (_system, run, why) = with_fault("hang-in-fit@2", more).await;
    assert_eq!(
        (run.state, run.reason),
        (RunState::Failed, Reason::Stalled),
        "{}",
        run.message
    );
    assert!(why.message.contains("party-b in round 2"), "{}", why.message);
}

#[tokio::test]
async fn a_killed_party_costs_the_attempt_and_the_next_one_succeeds() {
    let system = system().await;
    let template = faulty("killed", 3, &["--fit-seconds", "1"]);
    let run = system.submit(template, json!({"policies": {"max_retries": 1}})).await;
    system.api.reaches(run, RunState::Running, LIMIT).await;
    kill(system.job(run, "party-a", "party").await.pid);
    let run = system.api.finished(run, LIMIT).await;
    assert_eq!(run.state, RunState::Succeeded, "{}: {}", run.reason, run.message);
    let cause = run.attempts[0].cause.as_ref().unwrap();
    assert_eq!(
        (cause.reason, cause.party.as_ref().map(PartyId::as_str)),
        (Reason::ProcessKilled, Some("party-a"))
    );
    system.nothing_left().await;
}

#[tokio::test]
async fn a_killed_aggregation_server_is_the_cause_and_not_the_parties_that_lose_it() {
    let system = system().await;
    let run = system
        .submit(faulty("headless", 5, &["--fit-seconds", "1"]), json!({}))
        .await;
    system.api.reaches(run, RunState::Running, LIMIT).await;
    kill(system.job(run, "center", "server").await.pid);
    let run = system.api.finished(run, LIMIT).await;
    assert_eq!(
        (run.state, run.reason),
        (RunState::Failed, Reason::ProcessKilled),
        "{}",
        run.message
    );
    let why = system.api.why(run.id).await;
    assert_eq!(why.chain[0].party.as_str(), "center");
    system.nothing_left().await;
}

#[tokio::test]
async fn a_cancelled_run_stops_every_process() {
    let system = system().await;
    let run = system
        .submit(faulty("cancelled", 50, &["--fit-seconds", "1"]), json!({}))
        .await;
    system.api.reaches(run, RunState::Running, LIMIT).await;
    assert!(!system.jobs().is_empty());
    let answer = system
        .api
        .post(&format!("/runs/{run}/cancel"), &json!({}))
        .await
        .unwrap();
    assert_eq!(answer["cancel_requested"], true);
    let run = system.api.finished(run, LIMIT).await;
    assert_eq!((run.state, run.reason), (RunState::Cancelled, Reason::CancelledByUser));
    let assignments = system.api.assignments(run.id).await;
    assert!(
        assignments.iter().all(|a| a.state == AssignmentState::Stopped),
        "{assignments:?}"
    );
    system.nothing_left().await;
    let refused = system.api.post(&format!("/runs/{}/cancel", run.id), &json!({})).await;
    assert!(refused.is_ok(), "asking twice is no error");
}

#[tokio::test]
async fn a_party_may_host_the_aggregation() {
    let system = system().await;
    let run = system
        .submit(faulty("hosted", 2, &[]), json!({"aggregator": "party-a"}))
        .await;
    let run = system.api.finished(run, LIMIT).await;
    assert_eq!(run.state, RunState::Succeeded, "{}: {}", run.reason, run.message);
    let assignments = system.api.assignments(run.id).await;
    assert!(assignments.iter().all(|a| a.party != PartyId::center()));
}

#[tokio::test]
async fn secure_aggregation_reaches_the_other_parties() {
    let system = system().await;
    let run = system
        .submit(faulty("smpc", 2, &[]), json!({"switches": ["smpc"]}))
        .await;
    let run = system.api.finished(run, LIMIT).await;
    assert_eq!(run.state, RunState::Succeeded, "{}: {}", run.reason, run.message);
    let logs = system.api.request(
        reqwest::Method::GET,
        &format!("/runs/{}/logs?role=party&tail=1000", run.id),
    );
    let logs = logs.send().await.unwrap().text().await.unwrap();
    assert!(logs.contains("sum all random values"), "{logs}");
}

#[tokio::test]
async fn a_killed_supervisor_takes_its_job_along_and_is_named() {
    let system = system().await;
    let run = system
        .submit(faulty("orphaned", 50, &["--fit-seconds", "1"]), json!({}))
        .await;
    system.api.reaches(run, RunState::Running, LIMIT).await;
    let job = system.job(run, "party-b", "party").await;
    let supervisor = within(LIMIT, "the supervisor", async || {
        let wanted = format!("/assignments/{}", job.assignment);
        system
            .jobs()
            .into_iter()
            .find(|process| process.command.ends_with(&wanted))
    })
    .await;
    kill(supervisor.pid);
    let run = system.api.finished(run, LIMIT).await;
    assert_eq!(
        (run.state, run.reason),
        (RunState::Failed, Reason::SupervisorLost),
        "{}",
        run.message
    );
    system.nothing_left().await;
}
