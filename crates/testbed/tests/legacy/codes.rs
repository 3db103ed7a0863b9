//! Every ret_code of the contract, provoked.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{idle, task, template};

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

#[tokio::test]
async fn every_code_comes_when_it_should() {
    let (_system, legacy) = idle().await;
    let made = legacy.data(Method::POST, "/template", Some(template("digits"))).await["template_id"].clone();
    let at = |id: &Value| format!("/template/{}", id.as_str().unwrap());
    let other = legacy.data(Method::POST, "/template", Some(template("letters"))).await["template_id"].clone();
    let nobody = "/template/ea0f10bfbaf64a74a061d54c94cc69";
    for (method, path, body, code) in [
        (Method::POST, "/template", Some(template("digits")), 10201),
        (Method::PUT, &at(&other), Some(template("digits")), 10201),
        (Method::POST, "/template", Some(template("")), 10202),
        (Method::PUT, &at(&other), Some(template("")), 10202),
        (Method::POST, "/template", Some(template("ab")), 10000),
        (Method::POST, "/template", Some(template(&"a".repeat(51))), 10000),
        (
            Method::POST,
            "/template",
            Some(with(template("new"), "image_url", json!(""))),
            10000,
        ),
        (
            Method::POST,
            "/template",
            Some(with(template("new"), "image_url", json!("i".repeat(256)))),
            10000,
        ),
        (
            Method::POST,
            "/template",
            Some(with(template("new"), "hyper_parameter", json!(["fast"]))),
            10000,
        ),
        (Method::GET, nobody, None, 10200),
        (Method::PUT, nobody, Some(template("new")), 10200),
        (Method::DELETE, nobody, None, 10200),
        (Method::GET, "/template/what-is-this", None, 10200),
        (Method::GET, "/template?page=0", None, 10000),
        (Method::GET, "/template?limit=0", None, 10000),
        (Method::GET, "/template?limit=many", None, 10000),
    ] {
        assert_eq!(legacy.code(method.clone(), path, body).await, code, "{method} {path}");
    }

    let id = legacy.data(Method::POST, "/task", Some(task("first", &made))).await["task_id"].clone();
    let second = legacy.data(Method::POST, "/task", Some(task("second", &made))).await["task_id"].clone();
    let at = |id: &Value, more: &str| format!("/task/{}{more}", id.as_str().unwrap());
    let nobody = "/task/bbc0c30e96bc4da29b2b326fb1f8786e";
    let strange = with(
        task("strange", &made),
        "federate_data",
        json!([{"federated_id": "party-z", "federated_data": ""}]),
    );
    let strange = legacy.data(Method::POST, "/task", Some(strange)).await["task_id"].clone();
    for (method, path, body, code) in [
        (Method::POST, "/task", Some(task("first", &made)), 10301),
        (Method::PUT, &at(&second, ""), Some(task("first", &made)), 10301),
        (Method::POST, "/task", Some(task("", &made)), 10302),
        (
            Method::POST,
            "/task",
            Some(task("third", &json!("ea0f10bfbaf64a74a061d54c94cc69"))),
            10200,
        ),
        (
            Method::POST,
            "/task",
            Some(with(task("third", &made), "federate_data", json!([]))),
            10000,
        ),
        (Method::GET, nobody, None, 10300),
        (Method::PUT, nobody, Some(task("third", &made)), 10300),
        (Method::DELETE, nobody, None, 10300),
        (Method::POST, &format!("{nobody}/start"), None, 10300),
        (Method::POST, &format!("{nobody}/stop"), None, 10300),
        (Method::POST, &at(&id, "/stop"), None, 10303),
        (Method::POST, &at(&strange, "/start"), None, 10304),
        (Method::POST, &at(&id, "/start"), Some(json!({"epochs": 0})), 10000),
        (Method::POST, &at(&id, "/start"), Some(json!({"epochs": "ten"})), 10000),
        (
            Method::DELETE,
            &format!("/template/{}", made.as_str().unwrap()),
            None,
            10000,
        ),
    ] {
        assert_eq!(legacy.code(method.clone(), path, body).await, code, "{method} {path}");
    }
}

#[tokio::test]
async fn of_those_who_do_the_same_at_once_one_wins() {
    let (_system, legacy) = idle().await;
    let made = legacy.data(Method::POST, "/template", Some(template("digits"))).await["template_id"].clone();
    let bodies = (0..16).map(|_| legacy.code(Method::POST, "/task", Some(task("the same", &made))));
    let mut codes = futures::future::join_all(bodies).await;
    codes.sort_unstable();
    assert_eq!((codes[0], &codes[1..]), (0, [10301u64; 15].as_slice()));

    let listed = legacy.data(Method::GET, "/task", None).await;
    let id = listed["tasks"][0]["task_id"].as_str().unwrap().to_owned();
    let path = format!("/task/{id}/start");
    let starts = (0..16).map(|_| legacy.code(Method::POST, &path, None));
    let mut codes = futures::future::join_all(starts).await;
    codes.sort_unstable();
    assert_eq!((codes[0], &codes[1..]), (0, [10303u64; 15].as_slice()));
}

#[tokio::test]
async fn a_path_or_method_that_is_not_there_is_said_in_an_envelope() {
    let (_system, legacy) = idle().await;
    let (status, answer) = legacy.ask(Method::GET, "/nothing", None).await;
    assert_eq!((status, &answer["ret_code"]), (StatusCode::NOT_FOUND, &json!(10000)));
    let (status, answer) = legacy.ask(Method::PATCH, "/task", None).await;
    assert_eq!(
        (status, &answer["ret_code"]),
        (StatusCode::METHOD_NOT_ALLOWED, &json!(10000))
    );
    let page = legacy.request(Method::GET, "/doc/").send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    assert!(page.text().await.unwrap().contains("swagger"), "the API's own page");
}
