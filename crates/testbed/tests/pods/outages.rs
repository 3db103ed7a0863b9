//! Parts of the platform and of the cluster that go away under a run. The jobs do not notice.

use std::{collections::BTreeMap, fs, time::Duration};

use flow_api::AssignmentView;
use flow_testbed::within;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};

use crate::{
    PATIENCE,
    deployment::Deployment,
    scenarios::{job, namespace},
};

/// For how long the API server says nothing: longer than the agents take for a mere interruption, shorter than it takes until a node
/// counts as lost.
const SILENCE: Duration = Duration::from_secs(20);

/// The agent, the server and the operator are killed under a run, with no time to say anything. The jobs do not notice.
pub(crate) async fn everything_killed(at: &Deployment) {
    let run = at
        .flow
        .start("killed", json!({}), json!({"hyperparameters": {"epochs": 20}}))
        .await;
    at.flow.trains(run).await;
    let members = at.flow.assignments(run).await;
    let before = containers(at, &members).await;
    for (namespace, selector) in [
        ("flow-party-a", "app.kubernetes.io/name=flow-federate"),
        ("flow-center", "app.kubernetes.io/name=flow-server"),
        ("flow-system", "app.kubernetes.io/name=flow-operator"),
    ] {
        let kill = format!("--namespace {namespace} delete pods --selector {selector} --force --grace-period=0");
        at.kubectl.run(&kill).await;
    }
    at.flow.is_attached().await;
    let ended = at.flow.succeeds(run).await;
    assert_eq!(ended.attempts.len(), 1, "{:?}", ended.attempts);
    let after = containers(at, &members).await;
    assert_eq!(before, after, "a job was started anew");
}

/// The API server says nothing for a while. The agents say so, wait, and know how their jobs are when it is back.
pub(crate) async fn silent_api_server(at: &Deployment) {
    // Only a cluster of ours has its processes here.
    let Ok(state) = fs::read(at.kubectl.run_directory().join("state.json")) else {
        return;
    };
    let state: Value = serde_json::from_slice(&state).unwrap();
    let mut processes = state["processes"].as_array().unwrap().iter();
    let server = processes.find(|process| process["name"] == "kube-apiserver").unwrap();
    let server = Pid::from_raw(i32::try_from(server["pid"].as_i64().unwrap()).unwrap());

    let task = json!({"hyperparameters": {"epochs": 15}});
    let run = at.flow.start("silent-api-server", json!({}), task).await;
    at.flow.trains(run).await;
    let members = at.flow.assignments(run).await;
    let before = containers(at, &members).await;
    kill(server, Signal::SIGSTOP).unwrap();
    tokio::time::sleep(SILENCE).await;
    kill(server, Signal::SIGCONT).unwrap();
    let ended = at.flow.succeeds(run).await;
    assert_eq!(ended.attempts.len(), 1, "{:?}", ended.attempts);
    assert_eq!(before, containers(at, &members).await, "a job was started anew");
    let log = "--namespace flow-party-a logs deployment/flow-federate";
    within(PATIENCE, "the agent's word of the silence", async || {
        let log = at.kubectl.try_run(log).await.ok()?;
        (log.contains("no word from the Kubernetes API server") && log.contains("answers again")).then_some(())
    })
    .await;
}

/// The containers of all members, and when they were started.
async fn containers(at: &Deployment, members: &[AssignmentView]) -> BTreeMap<String, String> {
    let mut containers = BTreeMap::new();
    for member in members {
        let party = member.party.to_string();
        let get = format!("--namespace {} get pod {}", namespace(&party), job(members, &party));
        let pod = at.kubectl.json(&get).await;
        let id = pod["status"]["containerStatuses"][0]["containerID"]
            .as_str()
            .unwrap()
            .to_owned();
        containers.insert(party, format!("{id} {}", pod["metadata"]["uid"]));
    }
    containers
}
