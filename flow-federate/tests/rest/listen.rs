//! Where the party's REST listens, and whom it answers.

use flow_federate::StartError;
use reqwest::StatusCode;

use crate::system::System;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_for_this_machine_unless_that_is_asked_for() {
    let mut system = System::of(&[]).await;
    let mut config = system.config("a");
    config.rest.listen = "0.0.0.0:0".parse().unwrap();
    let refused = system.start("a", config.clone()).await.unwrap_err();
    assert!(
        matches!(refused, StartError::Open(_)) && refused.to_string().contains("rest.allow_remote"),
        "{refused}"
    );
    config.rest.allow_remote = true;
    system.start("a", config).await.unwrap();
    let port = system.parties["a"].federate.rest_addr().unwrap().port();
    let answer = system.http.get(format!("http://127.0.0.1:{port}/api/v2/datasets"));
    assert_eq!(answer.send().await.unwrap().status(), StatusCode::OK);

    let mut config = system.config("b");
    config.rest.enabled = false;
    system.start("b", config).await.unwrap();
    assert_eq!(system.parties["b"].federate.rest_addr(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_pages_and_names_are_refused() {
    let mut system = System::of(&[]).await;
    let mut config = system.config("a");
    config.rest.hosts = vec!["party.example".to_owned()];
    system.start("a", config).await.unwrap();
    let ask = async |header: &str, value: &str| {
        let asked = system.ask("a", "/api/v2/datasets").header(header, value);
        asked.send().await.unwrap().status()
    };
    assert_eq!(ask("host", "party.example").await, StatusCode::OK);
    assert_eq!(ask("host", "evil.example").await, StatusCode::FORBIDDEN);
    assert_eq!(ask("origin", "http://evil.example").await, StatusCode::FORBIDDEN);
}
