//! `/api/v1`: what clients of Iflearner Flow ask a party.

use serde_json::{Value, json};

use crate::system::{System, within};

async fn code(system: &System, path: &str) -> (u64, String) {
    let answer = system.party("a", path).await;
    assert_eq!(answer["data"], Value::Null, "{answer}");
    let message = answer["ret_msg"].as_str().unwrap().to_owned();
    (answer["ret_code"].as_u64().unwrap(), message)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_party_is_told_of_its_own_tasks_and_has_their_logs() {
    let mut system = System::of(&["a", "b"]).await;
    let both = system.task("both", &["a", "b"], "echo trains").await;
    let others = system.task("others", &["b"], "true").await;
    let own = system.task("own", &["a"], "true").await;
    let run = system.run(&both).await;
    system.succeeds(&run).await;

    let answer = system.party("a", "/api/v1/task").await;
    assert_eq!(
        (&answer["ret_code"], &answer["ret_msg"]),
        (&json!(0), &json!("success"))
    );
    assert_eq!(answer["data"]["task_count"], 2);
    let tasks = answer["data"]["tasks"].as_array().unwrap();
    assert_eq!(
        tasks.iter().map(|task| &task["task_id"]).collect::<Vec<_>>(),
        [&json!(own), &json!(both)]
    );
    let keys: Vec<&String> = tasks[1].as_object().unwrap().keys().collect();
    let expected = [
        "create_time",
        "federate_data",
        "modify_time",
        "name",
        "party_status",
        "remark",
        "status",
        "task_id",
        "template_id",
    ];
    let mut sorted = keys.clone();
    sorted.sort();
    assert_eq!(sorted, expected);
    assert_eq!(
        (&tasks[0]["status"], &tasks[1]["status"]),
        (&Value::Null, &json!("Succeeded"))
    );
    // Whose data it is: one's own, and of others that they take part.
    let data =
        json!([{"federated_id": "a", "federated_data": "a-numbers"}, {"federated_id": "b", "federated_data": null}]);
    assert_eq!(tasks[1]["federate_data"], data);
    assert_eq!(
        (&tasks[1]["remark"], &tasks[1]["name"]),
        (&json!("a note"), &json!("both"))
    );
    for time in ["create_time", "modify_time"] {
        let time = tasks[1][time].as_str().unwrap();
        assert!(
            time.len() == 31 && time.ends_with(" -0000") && &time[3..5] == ", ",
            "{time}"
        );
    }
    let page = system.party("a", "/api/v1/task?page=2&limit=1").await;
    assert_eq!(
        (&page["data"]["task_count"], &page["data"]["tasks"][0]["name"]),
        (&json!(2), &json!("both"))
    );
    let page = system.party("a", "/api/v1/task?page=9").await;
    assert_eq!(
        (&page["data"]["task_count"], &page["data"]["tasks"]),
        (&json!(2), &json!([]))
    );
    for wrong in ["page=0", "limit=0", "limit=101", "page=x", "limit=-1"] {
        let (number, message) = code(&system, &format!("/api/v1/task?{wrong}")).await;
        assert_eq!(number, 10000, "{wrong}: {message}");
    }

    let path = format!("/api/v1/task/{both}/logs");
    let logs = system.party("a", &path).await;
    assert_eq!(
        (&logs["ret_code"], &logs["data"]),
        (&json!(0), &json!({"logs": ["trains"]}))
    );
    let logs = system.party("a", &format!("/api/v1/task/{own}/logs")).await;
    assert_eq!(logs["data"], json!({"logs": []}));
    for unknown in [others.as_str(), "00000000000000000000000000000001", "nonsense"] {
        let (number, message) = code(&system, &format!("/api/v1/task/{unknown}/logs")).await;
        assert_eq!((number, message.as_str()), (10300, "task not found"), "{unknown}");
    }

    system.end_server().await;
    within("the party is not attached any more", async || {
        let (number, message) = code(&system, "/api/v1/task").await;
        assert_eq!(number, 20100, "{message}");
        message.contains("not attached").then_some(())
    })
    .await;
    // What the party knows by itself it still tells.
    assert_eq!(system.party("a", &path).await["data"], json!({"logs": ["trains"]}));
    assert_eq!(code(&system, &format!("/api/v1/task/{own}/logs")).await.0, 20100);
}
