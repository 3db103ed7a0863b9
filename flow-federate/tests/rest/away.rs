//! A journal whose database is away.

use flow_mariadb::Server;
use reqwest::StatusCode;
use serde_json::json;
use tokio::task::spawn_blocking;

use crate::system::{System, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_and_their_reports_go_on_while_mariadb_is_away_and_the_journal_catches_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let mut server = spawn_blocking(move || Server::start(&path).unwrap()).await.unwrap();
    let mut system = System::of(&[]).await;
    let mut config = system.config("a");
    config.journal.url = server.create_database("journal").unwrap();
    system.start("a", config).await.unwrap();
    system.is_online("a").await;
    assert_eq!(system.party("a", "/api/v2/assignments").await["items"], json!([]));

    server.kill9().unwrap();
    let task = system.task("meanwhile", &["a"], "echo done").await;
    let run = system.run(&task).await;
    system.succeeds(&run).await;
    let answer = system.ask("a", "/api/v2/assignments").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key("retry-after"));
    let answer = system.party("a", &format!("/api/v1/task/{task}/logs")).await;
    assert_eq!(answer["ret_code"], 20100);

    let server = spawn_blocking(move || {
        server.start_again().unwrap();
        server
    });
    let _server = server.await.unwrap();
    let entry = within("the journal has caught up", async || {
        let answer = system.ask("a", &format!("/api/v2/assignments?run={run}"));
        let answer = answer.send().await.unwrap();
        if !answer.status().is_success() {
            return None;
        }
        let page: serde_json::Value = answer.json().await.unwrap();
        let entry = page["items"].get(0)?.clone();
        (!entry["cleared_at"].is_null()).then_some(entry)
    })
    .await;
    assert_eq!(
        (&entry["state"], &entry["asked"]["task"]),
        (&json!("Succeeded"), &json!(task))
    );
    let logs = system.party("a", &format!("/api/v1/task/{task}/logs")).await;
    assert_eq!(logs["data"], json!({"logs": ["done"]}));
}
