//! `/api/v2`: what ran at the party, over restarts.

use std::fs;

use futures::StreamExt;
use serde_json::{Value, json};

use crate::system::{System, within};

fn items(page: &Value) -> &Vec<Value> {
    page["items"].as_array().unwrap()
}

/// The newest assignment, once its files are all that is left of it.
async fn cleared(system: &System) -> Value {
    within("the assignment is cleared away", async || {
        let page = system.party("a", "/api/v2/assignments").await;
        items(&page)
            .first()
            .filter(|entry| !entry["cleared_at"].is_null())
            .cloned()
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ran_here_is_told_with_its_events_and_logs_also_after_a_restart() {
    let mut system = System::of(&["a"]).await;
    let task = system.task("hello", &["a"], "echo one; echo two >&2; echo three").await;
    let run = system.run(&task).await;
    system.succeeds(&run).await;
    let entry = cleared(&system).await;
    let asked = json!({
        "run": run, "task": task, "task_name": "hello", "attempt": 1, "framework": "script", "role": "worker",
        "aggregates": false, "dataset": "a-numbers",
    });
    assert_eq!(entry["asked"], asked);
    assert_eq!((&entry["state"], &entry["exit_code"]), (&json!("Succeeded"), &json!(0)));
    let id = entry["id"].as_str().unwrap();

    let party = &system.parties["a"];
    party.shutdown.token.cancel();
    party.shutdown.tracker.close();
    party.shutdown.tracker.wait().await;
    let config = system.config("a");
    system.start("a", config).await.unwrap();

    assert_eq!(system.party("a", "/api/v2/assignments").await["items"], json!([entry]));
    let detail = system.party("a", &format!("/api/v2/assignments/{id}")).await;
    assert_eq!(
        detail["spec"]["command"],
        json!(["sh", "-c", "echo one; echo two >&2; echo three"])
    );
    assert_eq!(detail["asked"], asked);
    let mut events = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = system
            .party("a", &format!("/api/v2/assignments/{id}/events?limit=2{cursor}"))
            .await;
        events.extend(items(&page).clone());
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let story: Vec<&str> = events
        .iter()
        .map(|event| event["state"].as_str().or(event["what"].as_str()).unwrap())
        .collect();
    assert_eq!(story.first(), Some(&"Wanted"));
    assert_eq!(
        story[story.len() - 3..],
        ["Succeeded", "Unwanted", "Cleared"],
        "{story:?}"
    );
    assert!(
        events
            .iter()
            .map(|event| event["sequence"].as_u64().unwrap())
            .eq(1..=events.len() as u64)
    );

    let path = format!("/api/v2/assignments/{id}/logs");
    let text = system.ask("a", &path).send().await.unwrap().text().await.unwrap();
    for line in ["a worker one", "a worker two", "a worker three"] {
        assert!(text.lines().any(|found| found.ends_with(line)), "{text}");
    }
    let json = system
        .ask("a", &format!("{path}?tail=2"))
        .header("accept", "application/x-ndjson");
    let text = json.send().await.unwrap().text().await.unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines
            .iter()
            .all(|line| line["party"] == "a" && line["role"] == "worker"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_followed_until_the_job_ends() {
    let system = System::of(&["a"]).await;
    let gate = system.dir.path().join("gate");
    let script = format!(
        "echo begun; until [ -e '{}' ]; do sleep 0.05; done; echo over",
        gate.display()
    );
    let task = system.task("slow", &["a"], &script).await;
    let run = system.run(&task).await;
    let id = within("it runs", async || {
        let page = system
            .party("a", &format!("/api/v2/assignments?run={run}&state=Running"))
            .await;
        Some(items(&page).first()?["id"].as_str()?.to_owned())
    })
    .await;
    let followed = system.ask("a", &format!("/api/v2/assignments/{id}/logs?follow=true"));
    let mut stream = followed.send().await.unwrap().bytes_stream();
    let mut text = String::new();
    while let Some(piece) = stream.next().await {
        text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        if text.contains("begun") && !gate.exists() {
            fs::write(&gate, "").unwrap();
        }
    }
    assert!(text.trim_end().ends_with("over"), "{text}");
    system.succeeds(&run).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_come_in_pages_and_what_is_wrong_is_said() {
    let system = System::of(&["a"]).await;
    let (first, second) = (
        system.task("first", &["a"], "true").await,
        system.task("second", &["a"], "true").await,
    );
    for task in [&first, &second, &first] {
        let run = system.run(task).await;
        system.succeeds(&run).await;
    }
    within("three ended", async || {
        let page = system.party("a", "/api/v2/assignments?state=Succeeded").await;
        (items(&page).len() == 3).then_some(())
    })
    .await;
    let page = system
        .party("a", &format!("/api/v2/assignments?task={first}&limit=1"))
        .await;
    let next = page["next"].as_str().unwrap();
    let rest = system
        .party("a", &format!("/api/v2/assignments?task={first}&limit=1&cursor={next}"))
        .await;
    assert_eq!((items(&page).len(), items(&rest).len(), rest.get("next")), (1, 1, None));
    assert!(items(&page)[0]["given_at"].as_str() > items(&rest)[0]["given_at"].as_str());

    let unknown = "00000000000000000000000000000001";
    for path in ["", "/events", "/logs"] {
        let path = format!("/api/v2/assignments/{unknown}{path}");
        let problem = system.refused("a", &path, 404, "no assignment").await;
        assert_eq!(problem["code"], "not_found");
    }
    system.refused("a", "/api/v2/assignments?cursor=x", 400, "cursor").await;
    system.refused("a", "/api/v2/assignments?state=Odd", 400, "Odd").await;
    system.refused("a", "/api/v2/assignments?odd=1", 400, "odd").await;
    system.refused("a", "/api/v2/nothing", 404, "/api/v2/doc").await;

    let datasets = system.party("a", "/api/v2/datasets").await;
    let found: Vec<_> = items(&datasets)
        .iter()
        .map(|set| {
            (
                set["name"].as_str().unwrap(),
                set["kind"].as_str().unwrap(),
                set["there"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(found, [("a-gone", "path", false), ("a-numbers", "path", true)]);
    assert!(items(&datasets)[1]["place"].as_str().unwrap().ends_with("/a/data"));

    let document = system.party("a", "/api/v2/openapi.json").await;
    for path in ["/api/v2/assignments/{assignment}/logs", "/api/v1/task/{task_id}/logs"] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    let page = system.ask("a", "/api/v2/doc/").send().await.unwrap();
    assert!(page.status().is_success() && page.text().await.unwrap().contains("swagger"));
}
