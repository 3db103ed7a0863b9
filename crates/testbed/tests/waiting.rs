//! Runs that wait: for whoever has to approve them, and for parties that offer what they are chosen by. None of them trains.
#![allow(clippy::unwrap_used, reason = "a test ends there")]

use std::path::Path;

use flow_domain::{Reason, RunId, RunState, Span};
use flow_testbed::{Refused, System, faulty};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Whoever is let into the queue stays there: no party has room.
async fn system() -> System {
    let system = System::with(Path::new("/bin/true"));
    let system = system.federate(|config| config.agent.capacity.runs = Some(0));
    let system = system.server(|config| config.scheduling.deadlines.approve = Some(Span::hours(7)));
    system.start().await
}

async fn ask(system: &System, run: RunId, verb: &str, body: Value) -> Result<Value, Refused> {
    let request = system.api.request(Method::POST, &format!("/runs/{run}/{verb}"));
    system.api.send(request.json(&body)).await
}

async fn refused(system: &System, run: RunId, verb: &str, status: StatusCode, words: &str) {
    let refused = ask(system, run, verb, json!({"comment": "no"})).await.unwrap_err();
    assert_eq!(refused.status, status, "{refused:?}");
    assert!(refused.problem.detail.contains(words), "{refused:?}");
}

fn asks_for_approval() -> Value {
    json!({"policies": {"approval": true}})
}

#[tokio::test]
async fn an_approved_run_comes_into_the_queue_behind_the_others() {
    let system = system().await;
    let first = system.submit(faulty("first", 2, &[]), asks_for_approval()).await;
    let second = system.submit(faulty("second", 2, &[]), json!({})).await;
    let awaiting = system.api.run(first).await;
    assert_eq!(
        (awaiting.state, awaiting.reason, awaiting.place),
        (RunState::AwaitingApproval, Reason::WaitingForApproval, None)
    );
    let limit = awaiting.deadline.unwrap().since(awaiting.created_at);
    assert_eq!(limit, Span::hours(7), "the server's deadline");
    assert_eq!(system.api.run(second).await.place, Some(1));

    let judgement = json!({"by": "ann", "comment": "the data was looked at"});
    let approved = ask(&system, first, "approve", judgement.clone()).await.unwrap();
    assert_eq!(approved["approval"]["by"], "ann");
    let queued = system.api.run(first).await;
    assert_eq!((queued.state, queued.place), (RunState::Queued, Some(2)));
    assert_eq!(queued.reason, Reason::WaitingForCapacity);
    let events = system.api.events(first).await;
    let told = events.iter().find(|event| event.reason == Reason::Approved).unwrap();
    assert_eq!(told.message, "approved by ann: the data was looked at");

    ask(&system, first, "approve", judgement).await.unwrap();
    assert_eq!(system.api.events(first).await, events, "nothing happens twice");
    refused(&system, first, "reject", StatusCode::CONFLICT, "cancel it instead").await;
    refused(&system, second, "approve", StatusCode::CONFLICT, "asks for no approval").await;
    let nobody = "01a1fbc289f673538f452719c51d9c39".parse().unwrap();
    refused(&system, nobody, "approve", StatusCode::NOT_FOUND, "there is no run").await;
}

#[tokio::test]
async fn who_rejects_a_run_ends_it_and_says_why() {
    let system = system().await;
    let mut template = faulty("guarded", 2, &[]);
    template["policies"] = asks_for_approval()["policies"].clone();
    let run = system.submit(template, json!({})).await;
    assert_eq!(
        system.api.run(run).await.state,
        RunState::AwaitingApproval,
        "by its template"
    );
    let silent = ask(&system, run, "reject", json!({"by": "ann"})).await.unwrap_err();
    assert_eq!(
        (silent.status, silent.problem.violations[0].field.as_str()),
        (StatusCode::BAD_REQUEST, "comment")
    );
    let long = ask(&system, run, "approve", json!({"by": "a".repeat(129)}))
        .await
        .unwrap_err();
    assert_eq!(long.problem.violations[0].field, "by");
    let other = ask(&system, run, "approve", json!({"who": "ann"})).await.unwrap_err();
    assert_eq!(other.status, StatusCode::BAD_REQUEST, "{other:?}");

    ask(&system, run, "reject", json!({"by": "ann", "comment": "not this data"}))
        .await
        .unwrap();
    let rejected = system.api.run(run).await;
    assert_eq!(
        (rejected.state, rejected.reason),
        (RunState::Rejected, Reason::ApprovalDenied)
    );
    let why = system.api.why(run).await;
    assert_eq!(why.message, "rejected by ann: not this data");
    ask(&system, run, "reject", json!({"comment": "again"})).await.unwrap();
    refused(&system, run, "approve", StatusCode::CONFLICT, "rejected already").await;
}

#[tokio::test]
async fn a_run_that_waits_for_approval_can_be_cancelled_and_expires() {
    let system = system().await;
    let run = system.submit(faulty("cancelled", 2, &[]), asks_for_approval()).await;
    let cancelled = system.api.cancel(run).await;
    assert_eq!(cancelled.state, RunState::Cancelled);
    refused(&system, run, "approve", StatusCode::CONFLICT, "nothing to decide").await;

    let soon = json!({"policies": {"approval": true, "deadlines": {"approve": "300ms"}}});
    let run = system.submit(faulty("expired", 2, &[]), soon).await;
    let expired = system.api.finished(run, std::time::Duration::from_secs(30)).await;
    assert_eq!(
        (expired.state, expired.reason),
        (RunState::TimedOut, Reason::ApproveDeadlineExceeded)
    );
    refused(&system, run, "approve", StatusCode::CONFLICT, "nothing to decide").await;
}

/// `party-a` and `party-b` have the same region, and only the latter is of the gold tier.
async fn labelled() -> System {
    let system = System::with(Path::new("/bin/true"));
    let system = system.federate(|config| {
        let tier = if config.party.ends_with('b') { "gold" } else { "iron" };
        let labels = [("region", "eu"), ("tier", tier)];
        config.agent.labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    });
    system.start().await
}

fn selects(labels: Value, min: u32) -> Value {
    json!({"participants": [], "select": {"labels": labels, "dataset": "numbers", "min": min}})
}

#[tokio::test]
async fn parties_are_chosen_by_their_labels_as_a_run_begins() {
    let system = labelled().await;
    let shown = system.api.parties().await;
    let gold = shown
        .iter()
        .find(|party| party.labels.get("tier").is_some_and(|tier| tier == "gold"));
    assert_eq!(gold.unwrap().id.as_str(), "party-b");

    let run = system
        .submit(faulty("chosen", 2, &[]), selects(json!({"tier": "gold"}), 1))
        .await;
    let begun = system.api.run(run).await;
    let parties: Vec<&str> = begun.parties.iter().map(|party| party.as_str()).collect();
    assert_eq!(parties, ["party-b"]);
    let events = system.api.events(run).await;
    let told = events
        .iter()
        .find(|event| event.reason == Reason::PartiesChosen)
        .unwrap();
    assert_eq!(told.message, "chosen: party-b");
    // It is so in the database, too: other requests and a restarted server see the same.
    let assignments = system.api.assignments(run).await;
    assert!(
        assignments
            .iter()
            .all(|member| ["party-b", "center"].contains(&member.party.as_str()))
    );
    let ended = system.api.finished(run, std::time::Duration::from_secs(60)).await;
    assert_eq!(ended.parties, begun.parties);
}

#[tokio::test]
async fn who_finds_too_few_parties_is_told_who_lacks_what() {
    let system = labelled().await;
    let run = system
        .submit(faulty("lonely", 2, &[]), selects(json!({"tier": "gold"}), 2))
        .await;
    let waiting = system.api.run(run).await;
    assert_eq!(
        (waiting.state, waiting.reason),
        (RunState::Queued, Reason::WaitingForParty)
    );
    assert_eq!(
        waiting.message,
        "1 of at least 2 parties to choose from are there; center has no label tier=gold; \
         party-a has label tier=iron, not tier=gold"
    );
    assert_eq!(waiting.parties, []);
    let wrong = json!({"name": "wrong", "template": "lonely", "select": {"labels": {"a b": "c"}}});
    let wrong = system.api.post("/tasks", &wrong).await.unwrap_err();
    assert_eq!(wrong.problem.violations[0].field, "select.labels");
}

#[tokio::test]
async fn a_run_begins_with_fewer_parties_where_its_task_says_so() {
    let mut system = labelled().await;
    let absent = system.parties.iter().position(|party| party.name == "party-a").unwrap();
    system.parties[absent].agent.kill().await;
    flow_testbed::eventually(false, "party-a is away", async || {
        let parties = system.api.parties().await;
        parties
            .iter()
            .any(|party| party.id.as_str() == "party-a" && party.liveness == flow_domain::party::Liveness::Online)
    })
    .await;
    let run = system.submit(faulty("fewer", 2, &[]), json!({"min_parties": 1})).await;
    let parties = system.api.run(run).await.parties;
    assert_eq!(
        parties.iter().map(|party| party.as_str()).collect::<Vec<_>>(),
        ["party-b"]
    );
}
