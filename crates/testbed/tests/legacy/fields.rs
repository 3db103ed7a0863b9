//! What answers look like, field by field, against what the contract recorded: ids, nulls, times, pages.

use reqwest::Method;
use serde_json::{Value, json};

use super::{idle, task, template};

fn is_hex(id: &Value, digits: usize) -> bool {
    let id = id.as_str().unwrap();
    id.len() == digits && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// `Mon, 25 Jul 2022 15:59:55 -0000`.
fn is_time(time: &Value) -> bool {
    let time = time.as_str().unwrap();
    let (day, rest) = time.split_once(", ").unwrap();
    let parts: Vec<&str> = rest.split(' ').collect();
    let [date, month, year, clock, zone] = parts[..] else {
        return false;
    };
    let months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec";
    "Mon Tue Wed Thu Fri Sat Sun".contains(day)
        && date.len() == 2
        && months.contains(month)
        && year.len() == 4
        && clock.len() == 8
        && zone == "-0000"
}

fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[tokio::test]
async fn a_template_reads_as_it_was_written() {
    let (system, legacy) = idle().await;
    let full = json!({
        "name": "full one", "image_url": "image:1", "workdir": "/data/ocr", "remark": "",
        "command": ["python", "run.py", "--config={\"a\": [1]}"], "hyper_parameter": ["b=2", "a=0.10"],
    });
    let sparse = json!({"name": "sparse one", "image_url": "image:1"});
    for (body, expected) in [
        (full.clone(), full.clone()),
        (
            sparse,
            json!({"name": "sparse one", "image_url": "image:1", "workdir": null, "remark": null, "command": null, "hyper_parameter": null}),
        ),
    ] {
        let made = legacy.data(Method::POST, "/template", Some(body)).await;
        assert_eq!(keys(&made), ["template_id"]);
        assert!(is_hex(&made["template_id"], 30), "{made}");
        let path = format!("/template/{}", made["template_id"].as_str().unwrap());
        let shown = legacy.data(Method::GET, &path, None).await;
        assert_eq!(
            keys(&shown),
            [
                "command",
                "create_time",
                "hyper_parameter",
                "image_url",
                "modify_time",
                "name",
                "remark",
                "template_id",
                "workdir"
            ]
        );
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&shown[field], value, "{field}");
        }
        assert_eq!(shown["template_id"], made["template_id"]);
        assert!(
            is_time(&shown["create_time"]) && is_time(&shown["modify_time"]),
            "{shown}"
        );
    }
    // The other API has the same template, and what it changes shows here.
    let mut seen = system.api.get("/templates/full%20one").await.unwrap()["spec"].clone();
    assert_eq!(
        (&seen["framework"], &seen["command"][2], &seen["hyperparameters"]["a"]),
        (&json!("iflearner"), &json!("--config={{\"a\": [1]}}"), &json!("0.10"))
    );
    seen["hyperparameters"] = json!({"a": 7});
    let request = system.api.request(Method::PUT, "/templates/full%20one").json(&seen);
    system.api.send(request).await.unwrap();
    let listed = legacy
        .data(Method::GET, "/template?page=2&limit=1&keyword=", None)
        .await;
    assert_eq!(listed["template_count"], 2);
    assert_eq!(
        (
            &listed["templates"][0]["name"],
            &listed["templates"][0]["hyper_parameter"]
        ),
        (&json!("full one"), &json!(["a=7"]))
    );
}

#[tokio::test]
async fn a_task_reads_as_it_was_written() {
    let (system, legacy) = idle().await;
    let template = legacy.data(Method::POST, "/template", Some(template("digits"))).await["template_id"].clone();
    let data = json!([
        {"federated_id": "party-b", "federated_data": ""},
        {"federated_id": "party-a", "federated_data": "/data/of/mine"},
    ]);
    let body = json!({"name": "a task", "template_id": template, "federate_data": data});
    let made = legacy.data(Method::POST, "/task", Some(body)).await;
    assert_eq!(keys(&made), ["task_id"]);
    assert!(is_hex(&made["task_id"], 32), "{made}");
    let shown = legacy
        .data(
            Method::GET,
            &format!("/task/{}", made["task_id"].as_str().unwrap()),
            None,
        )
        .await;
    assert_eq!(
        keys(&shown),
        [
            "create_time",
            "federate_data",
            "modify_time",
            "name",
            "party_status",
            "remark",
            "status",
            "task_id",
            "template_id"
        ]
    );
    assert_eq!(
        (&shown["template_id"], &shown["federate_data"], &shown["task_id"]),
        (&template, &data, &made["task_id"])
    );
    for absent in ["remark", "status", "party_status"] {
        assert_eq!(shown[absent], Value::Null, "{absent}");
    }
    assert!(
        is_time(&shown["create_time"]) && is_time(&shown["modify_time"]),
        "{shown}"
    );
    // One that was made in the other API shows here.
    let other =
        json!({"name": "of v2", "template": "digits", "participants": [{"party": "party-a", "dataset": "numbers"}]});
    system.api.task(&other).await;
    let listed = legacy.data(Method::GET, "/task", None).await;
    assert_eq!(
        (&listed["task_count"], &listed["tasks"][0]["name"]),
        (&json!(2), &json!("of v2"))
    );
    assert_eq!(
        (&listed["tasks"][0]["template_id"], &listed["tasks"][0]["federate_data"]),
        (
            &template,
            &json!([{"federated_id": "party-a", "federated_data": "numbers"}])
        )
    );
}

#[tokio::test]
async fn lists_are_paged_and_filtered() {
    let (_system, legacy) = idle().await;
    let template = legacy.data(Method::POST, "/template", Some(template("digits"))).await["template_id"].clone();
    for number in 0..12 {
        let mut body = task(&format!("task {number:02}"), &template);
        if number % 3 == 0 {
            body["federate_data"].as_array_mut().unwrap().truncate(1);
        }
        legacy.data(Method::POST, "/task", Some(body)).await;
    }
    let names = async |query: &str| {
        let page = legacy.data(Method::GET, &format!("/task{query}"), None).await;
        let names = page["tasks"].as_array().unwrap().iter();
        let names: Vec<String> = names
            .map(|task| task["name"].as_str().unwrap()[5..].to_owned())
            .collect();
        (page["task_count"].as_u64().unwrap(), names.join(" "))
    };
    assert_eq!(names("").await, (12, "11 10 09 08 07 06 05 04 03 02".to_owned()));
    assert_eq!(names("?page=2").await, (12, "01 00".to_owned()));
    assert_eq!(names("?page=3&limit=4").await, (12, "03 02 01 00".to_owned()));
    assert_eq!(names("?page=2&limit=5").await, (12, "06 05 04 03 02".to_owned()));
    assert_eq!(names("?page=9").await, (12, String::new()));
    assert_eq!(names("?federated_id=party-b&limit=3").await, (8, "11 10 08".to_owned()));
    assert_eq!(
        names("?federated_id=party-b&page=3&limit=3").await,
        (8, "02 01".to_owned())
    );
    assert_eq!(names("?federated_id=party-z").await, (0, String::new()));
    assert_eq!(names("?federated_id=Nobody!").await, (0, String::new()));

    let parties = legacy.data(Method::GET, "/federate", None).await;
    let party = |name: &str| json!({"id": name, "name": name});
    assert_eq!(
        parties,
        json!({"federates": [party("party-a"), party("party-b")], "federate_count": 2})
    );
    let second = legacy.data(Method::GET, "/federate?page=2&limit=1", None).await;
    assert_eq!(second["federates"], json!([party("party-b")]));
}

#[tokio::test]
async fn a_change_leaves_what_this_api_knows_nothing_of() {
    let (system, legacy) = idle().await;
    let made = json!({
        "name": "flower", "framework": "flower", "image": "flower:1", "launcher": false, "resources": {"cpu": "1"},
        "command": ["python", "client.py"], "commands": {"server": ["python", "server.py"]},
        "policies": {"approval": true}, "annotations": {"example/owner": "us"},
    });
    let template_id = system.api.template(&made).await.id.to_string();
    let made = json!({
        "name": "chosen", "template": "flower", "aggregator": "party-a", "hyperparameters": {"rounds": 2},
        "participants": [{"party": "party-a"}, {"party": "party-b"}], "policies": {"max_retries": 2, "priority": 7},
        "select": {"labels": {"region": "eu"}, "min": 1}, "annotations": {"example/owner": "us"},
    });
    let task_id = system.api.task(&made).await.id.to_string();
    let (of_template, of_task) = (format!("/templates/{template_id}"), format!("/tasks/{task_id}"));
    let before = [
        system.api.get(&of_template).await.unwrap()["spec"].clone(),
        system.api.get(&of_task).await.unwrap()["spec"].clone(),
    ];

    let body = json!({"name": "renamed", "image_url": "flower:2", "command": ["python", "client.py"]});
    let path = format!("/template/{template_id}");
    assert_eq!(legacy.data(Method::PUT, &path, Some(body)).await, Value::Null);
    let shown = legacy.data(Method::GET, &format!("/task/{task_id}"), None).await;
    let body = json!({"name": "renamed", "template_id": shown["template_id"], "federate_data": shown["federate_data"]});
    let path = format!("/task/{task_id}");
    assert_eq!(legacy.data(Method::PUT, &path, Some(body)).await, Value::Null);

    let after = [
        system.api.get(&of_template).await.unwrap()["spec"].clone(),
        system.api.get(&of_task).await.unwrap()["spec"].clone(),
    ];
    for (before, mut after) in before.into_iter().zip(after) {
        assert_eq!(after["name"], "renamed");
        assert_eq!(after["annotations"]["example/owner"], "us");
        for (name, said) in after.as_object_mut().unwrap() {
            if ["name", "image", "template", "annotations"].contains(&name.as_str()) {
                *said = before[name].clone();
            }
        }
        assert_eq!(after, before);
    }
}
