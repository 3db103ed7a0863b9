//! What a user does, and what goes wrong.

use std::collections::BTreeMap;

use flow_api::AssignmentView;
use flow_domain::{Reason, RunId, RunState};
use serde_json::{Value, json};

use crate::deployment::Deployment;

/// One submission trains to success, by host names and through the ingress.
pub(crate) async fn success(at: &Deployment) {
    let run = at.flow.start("success", json!({}), json!({})).await;
    at.flow.succeeds(run).await;
    let members = at.flow.assignments(run).await;
    for member in members.iter().filter(|member| member.role == "party") {
        let accuracy = member.progress.metrics.get("accuracy");
        assert!(
            accuracy.is_some_and(|accuracy| *accuracy > 0.8),
            "{}: {:?}",
            member.party,
            member.progress
        );
    }
    let hosts = hosts(at, &members).await;
    assert!(hosts["center"].ends_with(".server.iflearner.com"), "{hosts:?}");
    assert!(hosts["party-a"].ends_with(".party-a.party.iflearner.com"), "{hosts:?}");
    at.went_through_the_ingress("/Base/send", &[&hosts["center"]]).await;
    let ended = at
        .kubectl
        .json(&format!(
            "--namespace flow-party-a get iflearnerjob {}",
            job(&members, "party-a")
        ))
        .await;
    assert_eq!(ended["status"]["phase"], "Succeeded");
    let pod = at
        .kubectl
        .json(&format!(
            "--namespace flow-party-a get pod {}",
            job(&members, "party-a")
        ))
        .await;
    let spec = &pod["spec"];
    assert_eq!(spec["automountServiceAccountToken"], false);
    assert_eq!(
        spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"],
        false
    );
    let all = at.flow.log(run, "party=party-a&tail=10000").await;
    assert!(all.len() > 2, "{all:?}");
    assert_eq!(at.flow.log(run, "party=party-a&tail=2").await, all[all.len() - 2..]);
    let none: [String; 0] = [];
    assert_eq!(at.flow.log(run, "party=party-a&since=2100-01-01T00:00:00Z").await, none);
    assert_eq!(
        at.flow
            .log(run, "party=party-a&since=2000-01-01T00:00:00Z&tail=10000")
            .await,
        all
    );
    let policies = at.kubectl.json("--namespace flow-center get networkpolicies").await;
    let named = |policy: &Value| policy["metadata"]["name"] == job(&members, "center");
    assert!(
        policies["items"].as_array().unwrap().iter().any(named),
        "the server's pod has no network policy"
    );
}

/// With secure aggregation the parties reach each other, by their host names.
pub(crate) async fn smpc(at: &Deployment) {
    let run = at.flow.start("smpc", json!({}), json!({"switches": ["smpc"]})).await;
    at.flow.succeeds(run).await;
    let hosts = hosts(at, &at.flow.assignments(run).await).await;
    at.went_through_the_ingress("/Base/", &[&hosts["party-a"], &hosts["party-b"]])
        .await;
}

/// A party's pod is deleted under a run: the gang starts again, and succeeds.
pub(crate) async fn deleted_pod(at: &Deployment) {
    let task = json!({"hyperparameters": {"epochs": 8}, "policies": {"max_retries": 1}});
    let run = at.flow.start("deleted-pod", json!({}), task).await;
    at.flow.trains(run).await;
    let pod = job(&at.flow.assignments(run).await, "party-b");
    at.kubectl
        .run(&format!("--namespace flow-party-b delete pod {pod} --wait=false"))
        .await;
    let ended = at.flow.succeeds(run).await;
    assert_eq!(ended.attempts.len(), 2, "{:?}", ended.attempts);
    let cause = ended.attempts[0].cause.as_ref().unwrap();
    assert_eq!(cause.reason, Reason::PodDeleted, "{cause:?}");
    assert_eq!(cause.party.as_ref().unwrap().as_str(), "party-b");
}

/// A wrong image ends the run within its deadline, and is named.
pub(crate) async fn wrong_image(at: &Deployment) {
    let run = failing(at, "wrong-image", json!({"image": "flow-registry.invalid/nothing:1"})).await;
    expect(at, run, Reason::ImagePullBackOff, "flow-registry.invalid/nothing:1").await;
}

/// A request that no node can take ends the run within its deadline, and is named.
pub(crate) async fn no_room(at: &Deployment) {
    let run = failing(at, "no-room", json!({"resources": {"cpu": "1000"}})).await;
    expect(at, run, Reason::Unschedulable, "Insufficient cpu").await;
}

/// A program that goes without the framework's launcher, and cannot: with this Python iflearner's client fails at its import. That ends
/// the run as well, by the member's exit or by a deadline, and its log says why.
pub(crate) async fn without_launcher(at: &Deployment) {
    let task = json!({"policies": {"deadlines": {"start": "120s", "register": "120s", "stall": "60s"}}});
    let run = at
        .flow
        .start("without-launcher", json!({"launcher": false}), task)
        .await;
    let ended = at.flow.over(run).await;
    let why = at.flow.why(run).await;
    assert_eq!(
        (ended.state, why.reason),
        (RunState::Failed, Reason::ProcessFailed),
        "{why:#?}"
    );
    let log = at.flow.log(run, "party=party-a").await;
    assert!(log.iter().any(|line| line.contains("Error")), "{log:?}");
    let members = at.flow.assignments(run).await;
    let get = format!("--namespace flow-party-a get iflearnerjob {}", job(&members, "party-a"));
    let command = at.kubectl.json(&get).await["spec"]["template"]["spec"]["containers"][0].clone();
    assert!(!command.to_string().contains("iflearner_launch"), "{command}");
}

async fn failing(at: &Deployment, name: &str, template: Value) -> RunId {
    at.flow
        .start(
            name,
            template,
            json!({"policies": {"deadlines": {"pull": "80s", "start": "80s"}}}),
        )
        .await
}

async fn expect(at: &Deployment, run: RunId, reason: Reason, words: &str) {
    let ended = at.flow.over(run).await;
    let why = at.flow.why(run).await;
    assert_eq!((ended.state, why.reason), (RunState::Failed, reason), "{why:#?}");
    assert!(why.message.contains(words), "{why:#?}");
    assert!(!why.hint.is_empty());
}

/// The name of a member's job.
pub(crate) fn job(members: &[AssignmentView], party: &str) -> String {
    let member = members.iter().rfind(|member| member.party.as_str() == party);
    let member = member.unwrap_or_else(|| panic!("{party} is no member"));
    format!("iflearnerjob-{}", member.id)
}

pub(crate) fn namespace(party: &str) -> String {
    format!("flow-{party}")
}

/// The host of each member's job, by party.
pub(crate) async fn hosts(at: &Deployment, members: &[AssignmentView]) -> BTreeMap<String, String> {
    let mut hosts = BTreeMap::new();
    for member in members {
        let party = member.party.to_string();
        let get = format!(
            "--namespace {} get iflearnerjob {}",
            namespace(&party),
            job(members, &party)
        );
        let host = at.kubectl.json(&get).await["spec"]["host"].as_str().unwrap().to_owned();
        hosts.insert(party, host);
    }
    hosts
}
