//! The unmodified iflearner-flow-client 0.2.0.

use std::time::Duration;

use flow_testbed::{Cli, Sdk, iflearner, within};
use reqwest::Method;
use serde_json::{Value, json};

use super::{idle, started, task, template};

const LIMIT: Duration = Duration::from_secs(90);

#[tokio::test]
async fn the_sdk_makes_changes_trains_and_deletes() {
    let (system, legacy) = started(&iflearner().await).await;
    let mut sdk = Sdk::start(system.legacy.unwrap()).await;

    let made = sdk.data("template.create", template("digits")).await["template_id"].clone();
    let shown = sdk.data("template.get", json!({"template_id": made})).await;
    assert_eq!(
        (&shown["name"], &shown["remark"]),
        (&json!("digits"), &json!("a remark"))
    );
    let mut change = template("digits 2");
    change["template_id"] = made.clone();
    assert_eq!(sdk.data("template.update", change).await, Value::Null);
    let listed = sdk.data("template.list", json!({"page": 1, "limit": 10})).await;
    assert_eq!(
        (&listed["template_count"], &listed["templates"][0]["name"]),
        (&json!(1), &json!("digits 2"))
    );

    let id = sdk.data("task.create", task("first", &made)).await["task_id"].clone();
    let of = |id: &Value| json!({"task_id": id});
    assert_eq!(sdk.data("task.get", of(&id)).await["status"], Value::Null);
    let mut change = task("renamed", &made);
    change["task_id"] = id.clone();
    sdk.data("task.update", change).await;
    let listed = sdk.data("task.list", json!({"page": 1, "limit": 10})).await;
    assert_eq!(
        (&listed["task_count"], &listed["tasks"][0]["name"]),
        (&json!(1), &json!("renamed"))
    );

    // The client sends no body here.
    sdk.data("task.start", of(&id)).await;
    assert_eq!(
        sdk.call("task.start", of(&id)).await["ret_code"],
        10303,
        "it is under way"
    );
    assert_eq!(sdk.call("task.delete", of(&id)).await["ret_code"], 10303);
    let path = format!("/task/{}", id.as_str().unwrap());
    let done = within(LIMIT, "the end of the training", async || {
        let shown = legacy.data(Method::GET, &path, None).await;
        let is_over = !matches!(shown["status"].as_str(), Some("Started" | "Pending" | "Running"));
        is_over.then_some(shown)
    })
    .await;
    assert_eq!(done["status"], "Succeeded", "{done}");
    let of_party =
        |name: &str| json!({"name": name, "ready": true, "complete": true, "current_epoch": 10, "total_epoch": 10});
    let mut parties = done["party_status"].as_array().unwrap().clone();
    parties.sort_by_key(|party| party["name"].to_string());
    assert_eq!(
        parties,
        [of_party("party-a"), of_party("party-b")],
        "ten epochs, as nobody said otherwise"
    );

    // In v2 it is a task like any other, and its run one.
    let seen = system
        .api
        .get(&format!("/tasks/{}", id.as_str().unwrap()))
        .await
        .unwrap();
    assert_eq!(
        (&seen["spec"]["name"], &seen["spec"]["participants"][1]["dataset"]),
        (&json!("renamed"), &json!("numbers"))
    );

    // Again, and stopped this time.
    sdk.data("task.start", of(&id)).await;
    sdk.data("task.stop", of(&id)).await;
    within(LIMIT, "the end of what was stopped", async || {
        let shown = legacy.data(Method::GET, &path, None).await;
        (shown["status"] == "Cancelled").then_some(())
    })
    .await;
    assert_eq!(
        sdk.call("task.stop", of(&id)).await["ret_code"],
        10303,
        "nothing is left to stop"
    );
    sdk.data("task.delete", of(&id)).await;
    assert_eq!(sdk.call("task.get", of(&id)).await["ret_code"], 10300);
    sdk.data("template.delete", json!({"template_id": made})).await;
    assert_eq!(
        sdk.call("template.get", json!({"template_id": made})).await["ret_code"],
        10200
    );
    system.nothing_left().await;
}

#[tokio::test]
async fn the_command_line_does_the_same() {
    let (system, _) = idle().await;
    let cli = Cli::init(system.dir(), system.legacy.unwrap()).await;
    let args = [
        "template",
        "create",
        "-n",
        "by hand",
        "-i",
        "image:1",
        "-w",
        "/app",
        "-c",
        "[\"python\", \"run.py\"]",
        "-hp",
        "[\"lr=0.1\"]",
    ];
    let made = cli.run(&args).await;
    assert_eq!(made["ret_code"], 0, "{made}");
    let id = made["data"]["template_id"].as_str().unwrap();
    let shown = cli.run(&["template", "get", "-id", id]).await;
    assert_eq!(
        (&shown["data"]["hyper_parameter"], &shown["data"]["remark"]),
        (&json!(["lr=0.1"]), &json!(""))
    );
    let args = [
        "template",
        "update",
        "-id",
        id,
        "-n",
        "by hand 2",
        "-i",
        "image:2",
        "-c",
        "[\"python\", \"run.py\"]",
        // Its default for this one is refused by itself.
        "-hp",
        "[]",
    ];
    assert_eq!(cli.run(&args).await["ret_code"], 0);
    assert_eq!(
        cli.run(&["template", "list", "-p", "1", "-l", "5"]).await["data"]["template_count"],
        1
    );

    let data = "[{\"federated_id\": \"party-a\", \"federated_data\": \"\"}]";
    let made = cli
        .run(&["task", "create", "-n", "a task", "-t", id, "-fd", data])
        .await;
    let task = made["data"]["task_id"].as_str().unwrap();
    let args = [
        "task", "update", "-id", task, "-n", "a task", "-t", id, "-r", "noted", "-fd", data,
    ];
    assert_eq!(cli.run(&args).await["ret_code"], 0);
    assert_eq!(cli.run(&["task", "get", "-id", task]).await["data"]["remark"], "noted");
    assert_eq!(cli.run(&["task", "list"]).await["data"]["tasks"][0]["task_id"], task);
    assert_eq!(cli.run(&["task", "start", "-id", task]).await["ret_code"], 0);
    // /bin/true is no iflearner: by now it may have failed.
    let stopped = cli.run(&["task", "stop", "-id", task]).await;
    assert!([json!(0), json!(10303)].contains(&stopped["ret_code"]), "{stopped}");
    within(LIMIT, "the task deleted", async || {
        let deleted = cli.run(&["task", "delete", "-id", task]).await;
        (deleted["ret_code"] == 0).then_some(())
    })
    .await;
    assert_eq!(cli.run(&["template", "delete", "-id", id]).await["ret_code"], 0);
}

#[tokio::test]
async fn a_start_says_what_reaches_the_command() {
    let (system, legacy) = started(&iflearner().await).await;
    let mut body = template("digits");
    body["hyper_parameter"] = json!(["fault=exit@1", "fault-party=nobody"]);
    let made = legacy.data(Method::POST, "/template", Some(body)).await["template_id"].clone();
    let made = legacy.data(Method::POST, "/task", Some(task("a task", &made))).await;
    let id = made["task_id"].as_str().unwrap();
    let path = format!("/task/{id}");
    let start = json!({"epochs": 2, "hyper_parameter": ["--fault=none"], "enable_smpc": true});
    legacy.data(Method::POST, &format!("{path}/start"), Some(start)).await;
    let runs = system.api.get(&format!("/runs?task={id}")).await.unwrap();
    let run = runs["items"][0]["id"].as_str().unwrap().parse().unwrap();
    let command = system.job(run, "party-a", "party").await.command;
    for argument in [
        "party_faulty.py",
        "--name=party-a",
        "--epochs=2",
        "--fault=none",
        "--fault-party=nobody",
        "--peers=0.0.0.0:",
    ] {
        assert!(command.contains(argument), "{argument}: {command}");
    }
    assert!(!command.contains("exit@1"), "{command}");
    let done = within(LIMIT, "the end of the training", async || {
        let shown = legacy.data(Method::GET, &path, None).await;
        let is_over = !matches!(shown["status"].as_str(), Some("Started" | "Pending" | "Running"));
        is_over.then_some(shown)
    })
    .await;
    assert_eq!(done["status"], "Succeeded", "{done}");
    system.nothing_left().await;
}
