//! A classic Flower job through the `flower` profile, with the real `flwr`.
#![allow(clippy::unwrap_used, reason = "a test ends there")]

use std::time::Duration;

use flow_domain::{AssignmentState, RunState};
use flow_testbed::{System, flower, kill};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(120);

fn template(name: &str, fit_seconds: &str) -> Value {
    json!({
        "name": name,
        "framework": "flower",
        "workdir": "/app/flower",
        "command": ["python", "client.py", "--server={server.grpc}", "--shard={party.index}", "--fit-seconds", fit_seconds],
        "commands": {"server": ["python", "server.py", "--address=0.0.0.0:{port.grpc}", "--rounds={hyper.rounds}", "--clients={parties.count}"]},
    })
}

#[tokio::test]
async fn a_server_and_two_clients_train_to_success() {
    let system = System::with(&flower().await).start().await;
    let run = system.submit(template("flower", "0"), json!({})).await;
    let run = system.api.finished(run, LIMIT).await;
    assert_eq!(run.state, RunState::Succeeded, "{}: {}", run.reason, run.message);
    let assignments = system.api.assignments(run.id).await;
    assert_eq!(assignments.len(), 3);
    assert!(
        assignments.iter().all(|a| a.state == AssignmentState::Succeeded),
        "{assignments:?}"
    );
    assert!(assignments.iter().all(|a| a.progress.round == 3), "{assignments:?}");
    system.nothing_left().await;
}

#[tokio::test]
async fn a_killed_client_is_replaced_and_the_rest_runs_on() {
    let system = System::with(&flower().await).start().await;
    let run = system
        .submit(template("rejoin", "1"), json!({"policies": {"max_retries": 1}}))
        .await;
    system.api.reaches(run, RunState::Running, LIMIT).await;
    let server = system.job(run, "center", "server").await;
    kill(system.job(run, "party-a", "client").await.pid);
    let run = system.api.finished(run, LIMIT).await;
    assert_eq!(
        (run.state, run.attempts.len()),
        (RunState::Succeeded, 1),
        "{}: {}",
        run.reason,
        run.message
    );
    let assignments = system.api.assignments(run.id).await;
    let replaced = assignments.iter().filter(|a| a.party.as_str() == "party-a").count();
    assert_eq!((assignments.len(), replaced), (4, 2), "{assignments:?}");
    let servers: Vec<String> = assignments
        .iter()
        .filter(|a| a.role == "server")
        .map(|a| a.id.to_string())
        .collect();
    assert_eq!(servers, [server.assignment], "the server was not started anew");
    system.nothing_left().await;
}
