//! The REST API as a user meets it: bad input, names, preconditions, repeated requests, pages and streams.
#![allow(clippy::unwrap_used, reason = "a test ends there")]

use std::{collections::BTreeSet, path::Path, time::Duration};

use flow_domain::ErrorCode;
use flow_testbed::{Api, Refused, System, faulty};
use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// No job is started here, so any program will do.
async fn system() -> System {
    System::with(Path::new("/bin/true")).start().await
}

fn task(template: &str, more: Value) -> Value {
    let mut task =
        json!({"name": "a-task", "template": template, "participants": [{"party": "party-a", "dataset": "numbers"}]});
    for (key, value) in more.as_object().unwrap() {
        task[key] = value.clone();
    }
    task
}

async fn refused(api: &Api, request: reqwest::RequestBuilder, status: u16, words: &str) -> Refused {
    let refused = api.send(request).await.unwrap_err();
    assert_eq!(refused.status, StatusCode::from_u16(status).unwrap(), "{refused:?}");
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    let all = format!("{} {:?}", refused.problem.detail, refused.problem.violations);
    assert!(all.contains(words), "'{words}' is not in: {all}");
    assert!(refused.problem.request_id.is_some());
    refused
}

#[tokio::test]
async fn what_a_task_names_must_exist() {
    let system = system().await;
    let api = &system.api;
    let post = |body: Value| api.request(Method::POST, "/tasks").json(&body);
    refused(
        api,
        post(task("no-such", json!({}))),
        400,
        "there is no template 'no-such'",
    )
    .await;
    api.template(&faulty("training", 2, &[])).await;
    let other = |participant: Value| post(task("training", json!({"participants": [participant]})));
    let unknown = refused(
        api,
        other(json!({"party": "party-c"})),
        400,
        "there is no party 'party-c'; did you mean",
    )
    .await;
    assert_eq!(unknown.problem.violations[0].field, "participants[0].party");
    let unknown = refused(
        api,
        other(json!({"party": "party-a", "dataset": "number"})),
        400,
        "did you mean 'numbers'",
    )
    .await;
    assert_eq!(unknown.problem.violations[0].field, "participants[0].dataset");
    refused(
        api,
        post(task("training", json!({"aggregator": "party-z"}))),
        400,
        "there is no party 'party-z'",
    )
    .await;
    refused(
        api,
        post(task("training", json!({"policies": {"max_retries": 99}}))),
        400,
        "at most 10",
    )
    .await;
    let listed = api.get("/tasks").await.unwrap();
    assert_eq!(listed["items"], json!([]), "nothing was stored half");
    refused(
        api,
        api.request(Method::POST, "/tasks/a-task/runs"),
        404,
        "there is no task 'a-task'",
    )
    .await;
}

#[tokio::test]
async fn a_template_is_checked_before_it_is_stored() {
    let system = system().await;
    let api = &system.api;
    let with = |key: &str, value: Value| {
        let mut template = faulty("training", 2, &[]);
        template[key] = value;
        api.request(Method::POST, "/templates").json(&template)
    };
    refused(
        api,
        with("framework", json!("iflearnr")),
        400,
        "did you mean 'iflearner'",
    )
    .await;
    refused(api, with("comand", json!([])), 400, "did you mean 'command'").await;
    refused(api, with("command", json!("python x.py")), 400, "invalid type").await;
    refused(api, with("name", json!("ab")), 400, "3 to 50 characters").await;
    let placeholder = refused(
        api,
        with("command", json!(["python", "{dataset.paht}"])),
        400,
        "did you mean 'dataset.path'",
    )
    .await;
    assert_eq!(placeholder.problem.violations[0].field, "command[1]");
    let no_json = api
        .request(Method::POST, "/templates")
        .header("content-type", "text/plain")
        .body("name: x");
    refused(api, no_json, 415, "send application/json").await;
    let broken = api
        .request(Method::POST, "/templates")
        .header("content-type", "application/json")
        .body("{\"name\": ");
    refused(api, broken, 400, "line 1").await;
    let huge = with("remark", json!("x".repeat(2 << 20)));
    let huge = refused(api, huge, 413, "rest.max_body").await;
    assert_eq!(huge.problem.code, ErrorCode::TooLarge);
    assert_eq!(api.get("/templates").await.unwrap()["items"], json!([]));
}

#[tokio::test]
async fn paths_queries_and_names_of_hosts_are_checked() {
    let system = system().await;
    let api = &system.api;
    refused(api, api.request(Method::GET, "/nothing"), 404, "/api/v2/docs").await;
    refused(api, api.request(Method::PATCH, "/templates"), 405, "method").await;
    refused(api, api.request(Method::GET, "/templates?limt=3"), 400, "limt").await;
    refused(
        api,
        api.request(Method::GET, "/runs?state=Runing"),
        400,
        "no state of a run",
    )
    .await;
    refused(api, api.request(Method::GET, "/runs?cursor=abc"), 400, "next").await;
    refused(api, api.request(Method::GET, "/runs/abc"), 400, "run id").await;
    refused(api, api.request(Method::GET, "/parties/party-z"), 404, "party-z").await;
    let foreign = api
        .request(Method::GET, "/runs")
        .header("origin", "http://evil.example");
    refused(api, foreign, 403, "another origin").await;
    let bent = api.request(Method::GET, "/runs").header("host", "evil.example");
    refused(api, bent, 403, "does not answer to the name").await;
}

#[tokio::test]
async fn of_many_with_one_name_exactly_one_is_made() {
    let system = system().await;
    let api = &system.api;
    let template = faulty("contested", 2, &[]);
    let made = join_all((0..20).map(|_| api.post("/templates", &template))).await;
    let (won, lost): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 19));
    for refused in lost.into_iter().map(Result::unwrap_err) {
        assert_eq!(
            (refused.status, refused.problem.code),
            (StatusCode::CONFLICT, ErrorCode::Conflict)
        );
    }
}

#[tokio::test]
async fn a_repeated_key_makes_nothing_twice() {
    let system = system().await;
    let api = &system.api;
    api.template(&faulty("training", 2, &[])).await;
    api.task(&task("training", json!({}))).await;
    let start = || {
        api.request(Method::POST, "/tasks/a-task/runs")
            .header("idempotency-key", "k1")
            .json(&json!({}))
    };
    let ids: BTreeSet<String> = join_all((0..10).map(|_| async { api.send(start()).await.unwrap()["id"].to_string() }))
        .await
        .into_iter()
        .collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(api.get("/runs").await.unwrap()["items"].as_array().unwrap().len(), 1);
    let other = api
        .request(Method::POST, "/tasks/a-task/runs")
        .header("idempotency-key", "k1");
    refused(
        api,
        other.json(&json!({"hyperparameters": {"epochs": 9}})),
        409,
        "fresh key",
    )
    .await;
}

#[tokio::test]
async fn a_change_must_know_what_it_changes() {
    let system = system().await;
    let api = &system.api;
    api.template(&faulty("training", 2, &[])).await;
    let put = |tag: &str, epochs| {
        let request = api.request(Method::PUT, "/templates/training").header("if-match", tag);
        request.json(&faulty("training", epochs, &[]))
    };
    let changed = api.send(put("\"1\"", 3)).await.unwrap();
    assert_eq!(
        (&changed["revision"], &changed["spec"]["hyperparameters"]["epochs"]),
        (&json!(2), &json!(3))
    );
    refused(api, put("\"1\"", 4), 412, "revision 1").await;
    refused(api, put("oops", 4), 400, "ETag").await;
    api.task(&task("training", json!({}))).await;
    refused(
        api,
        api.request(Method::DELETE, "/templates/training"),
        409,
        "task 'a-task'",
    )
    .await;
    api.send(api.request(Method::DELETE, "/tasks/a-task")).await.unwrap();
    api.send(api.request(Method::DELETE, "/templates/training"))
        .await
        .unwrap();
    refused(api, api.request(Method::GET, "/templates/training"), 404, "training").await;
}

#[tokio::test]
async fn pages_neither_skip_nor_repeat() {
    let system = system().await;
    let api = &system.api;
    let mut made = BTreeSet::new();
    for n in 0..5 {
        made.insert(
            api.template(&faulty(&format!("template-{n}"), 2, &[]))
                .await
                .id
                .to_string(),
        );
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for size in [2, 2, 1] {
        let page = api.get(&format!("/templates?limit=2{cursor}")).await.unwrap();
        let items = page["items"].as_array().unwrap();
        assert_eq!(items.len(), size);
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        cursor = page["next"]
            .as_str()
            .map_or(String::new(), |next| format!("&cursor={next}"));
    }
    assert!(cursor.is_empty());
    assert_eq!(seen.iter().cloned().collect::<BTreeSet<_>>(), made);
    assert_eq!(seen.len(), 5);
}

#[tokio::test]
async fn a_stream_of_events_ends_with_its_run_and_resumes_where_it_was() {
    let system = system().await;
    let run = system.submit(faulty("refused", 2, &[]), json!({})).await;
    let read = async |last: &str| {
        let request = system.api.request(Method::GET, &format!("/runs/{run}/events"));
        let request = request
            .header("accept", "text/event-stream")
            .header("last-event-id", last);
        tokio::time::timeout(Duration::from_secs(60), request.send().await.unwrap().text())
            .await
            .unwrap()
            .unwrap()
    };
    let all = read("0").await;
    assert!(all.contains("event: end"), "{all}");
    let sequences: Vec<u64> = all
        .lines()
        .filter_map(|line| line.strip_prefix("id: ")?.parse().ok())
        .collect();
    assert_eq!(sequences, (1..=sequences.len() as u64).collect::<Vec<_>>());
    let rest = read("2").await;
    assert!(!rest.contains("id: 2\n") && rest.contains("id: 3\n"), "{rest}");
}

#[tokio::test]
async fn the_document_and_its_page_are_served() {
    let with_health = |config: &mut flow_server::config::Config| {
        config.health.enabled = true;
        config.health.listen = "127.0.0.1:0".parse().unwrap();
    };
    let system = System::with(Path::new("/bin/true")).server(with_health).start().await;
    let document = system.api.get("/openapi.json").await.unwrap();
    assert_eq!(document["openapi"].as_str().unwrap().split('.').next(), Some("3"));
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    for path in [
        "/api/v2/templates",
        "/api/v2/tasks/{task}/runs",
        "/api/v2/runs/{run}/why",
        "/api/v2/parties",
    ] {
        assert!(paths.contains(&&path.to_owned()), "{path} is not in {paths:?}");
    }
    let page = reqwest::get(format!("http://{}/api/v2/docs/", system.rest))
        .await
        .unwrap();
    assert!(page.text().await.unwrap().contains("swagger"));
    for (path, words) in [("livez", "ok"), ("readyz", "true"), ("metrics", "flow_agents_attached")] {
        let text = reqwest::get(format!("http://{}/{path}", system.rest))
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert!(text.contains(words), "{path}: {text}");
    }
    // Beside REST there is nothing but these, for whoever may not reach REST.
    let health = system.health.expect("the health page");
    for (path, status) in [("livez", 200), ("readyz", 200), ("metrics", 200), ("api/v2/tasks", 404)] {
        let answer = reqwest::get(format!("http://{health}/{path}")).await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
    }
}
