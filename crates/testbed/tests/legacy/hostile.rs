//! Requests that are not right: 10000, or an HTTP error with an envelope that a client can read, and never a fault of the server.

use flow_testbed::Legacy;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{idle, task, template};

async fn raw(legacy: &Legacy, method: Method, path: &str, body: impl Into<reqwest::Body>) -> (StatusCode, u64) {
    let request = legacy
        .request(method, path)
        .header("content-type", "application/json;charset=UTF-8");
    let (status, answer) = legacy.send(request.body(body)).await;
    (
        status,
        answer["ret_code"].as_u64().unwrap_or_else(|| panic!("{answer}")),
    )
}

#[tokio::test]
async fn what_is_not_right_is_refused_and_changes_nothing() {
    let (_system, legacy) = idle().await;
    let made = legacy.data(Method::POST, "/template", Some(template("digits"))).await["template_id"].clone();
    let good = template("another");
    let mut bodies: Vec<String> = ["", "{", "[]", "null", "7", "\"text\"", "{\"name\": }", "\u{0}"]
        .map(str::to_owned)
        .to_vec();
    for (field, wrong) in [
        ("name", json!(7)),
        ("name", Value::Null),
        ("image_url", json!(["a"])),
        ("workdir", json!({})),
        ("command", json!("python run.py")),
        ("command", json!([1, 2])),
        ("hyper_parameter", json!([{"a": 1}])),
        ("hyper_parameter", json!("a=1")),
        ("remark", json!(false)),
        ("surplus", json!(1)),
        ("name", json!("line\nbreak")),
        ("name", json!("nul\u{0}byte")),
        ("command", json!(vec!["x"; 1000])),
        ("remark", json!("r".repeat(100_000))),
    ] {
        let mut body = good.clone();
        body[field] = wrong;
        bodies.push(body.to_string());
    }
    for body in bodies {
        let short: String = body.chars().take(80).collect();
        assert_eq!(
            raw(&legacy, Method::POST, "/template", body).await,
            (StatusCode::OK, 10000),
            "{short}"
        );
    }
    for data in [
        json!(null),
        json!({}),
        json!("party-a"),
        json!([1]),
        json!([{"federated_data": ""}]),
        json!([{"federated_id": "Not A Name", "federated_data": ""}]),
        json!([{"federated_id": "party-a"}, {"federated_id": "party-a"}]),
        json!([{"federated_id": "party-a", "federated_data": 7}]),
    ] {
        let mut body = task("a task", &made);
        body["federate_data"] = data.clone();
        assert_eq!(
            raw(&legacy, Method::POST, "/task", body.to_string()).await,
            (StatusCode::OK, 10000),
            "{data}"
        );
    }
    let not_utf8 = raw(&legacy, Method::POST, "/template", vec![0xffu8, 0xfe, 0x00]).await;
    assert_eq!(not_utf8, (StatusCode::OK, 10000));
    let huge = raw(&legacy, Method::POST, "/template", "x".repeat(4 << 20)).await;
    assert_eq!(huge, (StatusCode::PAYLOAD_TOO_LARGE, 10000));
    let deep = "[".repeat(100_000);
    assert_eq!(
        raw(&legacy, Method::POST, "/template", deep).await,
        (StatusCode::OK, 10000)
    );

    let listed = legacy.data(Method::GET, "/template", None).await;
    assert_eq!(listed["template_count"], 1);
    assert_eq!(legacy.data(Method::GET, "/task", None).await["task_count"], 0);
}

#[tokio::test]
async fn pages_of_other_origins_and_other_names_are_kept_away() {
    let (_system, legacy) = idle().await;
    for (header, value) in [("origin", "http://evil.example"), ("host", "evil.example")] {
        let request = legacy.request(Method::GET, "/template").header(header, value);
        assert_eq!(
            request.send().await.unwrap().status(),
            StatusCode::FORBIDDEN,
            "{header}"
        );
    }
}
