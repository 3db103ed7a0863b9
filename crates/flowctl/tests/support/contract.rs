//! A server that speaks the contract of `/api/v2` over a few fixed things, on a port of its own.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use flow_api::{PROBLEM_JSON, Problem, ViolationView};
use flow_domain::ErrorCode;
use serde_json::{Value, json};

pub(crate) const RUN: &str = "018f4e5a7b2c7d3e8f90a1b2c3d4e5f6";
pub(crate) const OTHER_RUN: &str = "018f4e5a7b2c7d3e8f90a1b2c3d4ffff";
const LONG_AGO: &str = "2020-01-01T00:00:00.000000Z";

/// A running server; it ends with the test's process.
pub(crate) struct Contract {
    pub(crate) url: String,
    state: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    creations: AtomicU32,
    polls: AtomicU32,
}

impl Contract {
    pub(crate) fn start() -> Self {
        let state = Arc::new(Seen::default());
        let app = Router::new()
            .route("/api/v2/templates", post(create_template).get(templates))
            .route("/api/v2/templates/{name}", get(template).delete(delete_template))
            .route("/api/v2/tasks/{name}/runs", post(start_run))
            .route("/api/v2/runs", get(runs))
            .route("/api/v2/runs/{id}", get(one_run))
            .route("/api/v2/runs/{id}/assignments", get(assignments))
            .route("/api/v2/runs/{id}/events", get(events))
            .route("/api/v2/runs/{id}/logs", get(logs))
            .route("/api/v2/runs/{id}/why", get(why))
            .route("/api/v2/runs/{id}/approve", post(approve))
            .route("/api/v2/runs/{id}/reject", post(reject))
            .with_state(Arc::clone(&state));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, app).await.unwrap();
            });
        });
        Self { url, state }
    }

    pub(crate) fn creations(&self) -> u32 {
        self.state.creations.load(Ordering::SeqCst)
    }
}

fn problem(problem: Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap();
    (
        status,
        [(header::CONTENT_TYPE, PROBLEM_JSON)],
        Json(problem).into_response().into_body(),
    )
        .into_response()
}

fn template_view(spec: &Value) -> Value {
    json!({"id": RUN, "revision": 1, "created_at": LONG_AGO, "modified_at": LONG_AGO, "spec": spec})
}

/// Refuses twice before it does anything: the client must ask again, with the same key.
async fn create_template(State(seen): State<Arc<Seen>>, headers: HeaderMap, Json(spec): Json<Value>) -> Response {
    assert!(headers.contains_key("idempotency-key"));
    match spec["name"].as_str().unwrap() {
        "taken" => problem(Problem::new(ErrorCode::Conflict, "there is a template 'taken' already")),
        "wrong" => {
            let mut refused = Problem::new(ErrorCode::Invalid, "the template breaks 1 rule");
            refused.violations = vec![ViolationView {
                field: "command[2]".into(),
                problem: "unknown placeholder '{dataset.pth}'; did you mean 'dataset.path'?".into(),
            }];
            problem(refused)
        }
        "later" if seen.creations.fetch_add(1, Ordering::SeqCst) < 2 => {
            let mut busy = problem(Problem::new(ErrorCode::Unavailable, "the database is away"));
            busy.headers_mut().insert(header::RETRY_AFTER, "0".parse().unwrap());
            busy
        }
        _ => (StatusCode::CREATED, Json(template_view(&spec))).into_response(),
    }
}

async fn templates(Query(query): Query<Vec<(String, String)>>) -> Json<Value> {
    let spec = |name: &str| json!({"name": name, "framework": "iflearner", "command": ["python", "x.py"]});
    // Two pages.
    Json(match query.iter().any(|(name, _)| name == "cursor") {
        false => json!({"items": [template_view(&spec("digits"))], "next": "abc"}),
        true => json!({"items": [template_view(&spec("weather"))]}),
    })
}

async fn template(Path(name): Path<String>) -> Response {
    if name == "digits" {
        let spec = json!({"name": name, "framework": "iflearner", "command": ["python", "x.py"]});
        return Json(template_view(&spec)).into_response();
    }
    problem(Problem::new(
        ErrorCode::NotFound,
        format!("there is no template '{name}'"),
    ))
}

async fn delete_template(headers: HeaderMap) -> StatusCode {
    assert_eq!(headers[header::IF_MATCH], "\"1\"");
    StatusCode::NO_CONTENT
}

fn run_view(id: &str, state: &str, reason: &str) -> Value {
    let attempt = json!({"number": 1, "started_at": LONG_AGO, "ended_at": null, "cause": null});
    json!({
        "id": id, "task": RUN, "task_name": "digits", "task_revision": 1, "framework": "iflearner",
        "state": state, "reason": reason, "message": "in words", "attempts": [attempt], "max_attempts": 2,
        "parties": ["party-a", "party-b"], "hyperparameters": {"epochs": 10}, "cancel_requested": false,
        "created_at": LONG_AGO, "state_since": LONG_AGO, "deadline": null, "ended_at": null,
    })
}

async fn start_run(Path(task): Path<String>, Json(options): Json<Value>) -> Response {
    assert_eq!(options["hyperparameters"], json!({"epochs": 3, "lr": 0.5}));
    assert_eq!(task, "digits");
    (StatusCode::ACCEPTED, Json(run_view(RUN, "Queued", "Submitted"))).into_response()
}

async fn runs() -> Json<Value> {
    let items = [
        run_view(RUN, "Running", "Training"),
        run_view(OTHER_RUN, "Failed", "TrainingError"),
    ];
    Json(json!({"items": items}))
}

async fn approve(Path(id): Path<String>, Json(judgement): Json<Value>) -> Response {
    assert_eq!(judgement, json!({"by": "ann", "comment": ""}));
    (StatusCode::ACCEPTED, Json(run_view(&id, "Queued", "Approved"))).into_response()
}

/// Of one of them it was decided before.
async fn reject(Path(id): Path<String>, Json(judgement): Json<Value>) -> Response {
    assert_eq!(judgement, json!({"by": "", "comment": "not this data"}));
    if id == OTHER_RUN {
        let detail = format!("run {id} was approved already: cancel it instead");
        return problem(Problem::new(ErrorCode::Conflict, detail));
    }
    (StatusCode::ACCEPTED, Json(run_view(&id, "Rejected", "ApprovalDenied"))).into_response()
}

/// Runs until it was asked for twice.
async fn one_run(State(seen): State<Arc<Seen>>, Path(id): Path<String>) -> Json<Value> {
    if id == OTHER_RUN {
        return Json(run_view(&id, "Failed", "TrainingError"));
    }
    Json(match seen.polls.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => run_view(&id, "Running", "Training"),
        _ => run_view(&id, "Succeeded", "Completed"),
    })
}

async fn assignments() -> Json<Value> {
    Json(json!({"items": [{
        "id": RUN, "attempt": 1, "incarnation": 0, "role": "party", "party": "party-b", "desired": "Run",
        "state": "Failed", "reason": "TrainingError", "message": "exit code 70", "ready": false, "endpoints": null,
        "exit_code": 70, "progress": {"round": 3, "total": 10, "metrics": {"accuracy": 0.91}},
        "created_at": LONG_AGO, "state_since": LONG_AGO, "ended_at": null,
    }]}))
}

fn event(sequence: u64, state: &str, reason: &str) -> Value {
    json!({"sequence": sequence, "at": LONG_AGO, "state": state, "reason": reason, "message": "in words"})
}

/// The first stream breaks off after one event.
async fn events(Query(query): Query<Vec<(String, String)>>, headers: HeaderMap) -> Response {
    let after: u64 = query
        .iter()
        .find(|(name, _)| name == "after")
        .map_or(0, |(_, value)| value.parse().unwrap());
    if headers[header::ACCEPT] != "text/event-stream" {
        return Json(json!({"items": [event(1, "Queued", "Submitted")]})).into_response();
    }
    let text = match after {
        0 => format!("event: event\nid: 1\ndata: {}\n\n", event(1, "Queued", "Submitted")),
        _ => format!(
            ": still here\n\nevent: event\nid: 2\ndata: {}\n\nevent: end\ndata: {{}}\n\n",
            event(2, "Succeeded", "Completed")
        ),
    };
    ([(header::CONTENT_TYPE, "text/event-stream")], text).into_response()
}

async fn logs(Query(query): Query<Vec<(String, String)>>, headers: HeaderMap) -> Response {
    assert_eq!(headers[header::ACCEPT], "application/x-ndjson");
    assert!(query.contains(&("tail".to_owned(), "2".to_owned())));
    let line = |text: &str| {
        json!({"at": LONG_AGO, "party": "party-a", "role": "party", "stderr": false, "text": text}).to_string()
    };
    let text = format!("{}\n{}\n", line("epoch 1: accuracy 0.9"), line("\u{1b}[2Jepoch 2"));
    ([(header::CONTENT_TYPE, "application/x-ndjson")], text).into_response()
}

async fn why() -> Json<Value> {
    let link = |role: &str, party: &str, state: &str, reason: &str, more: Value| {
        let mut link = json!({
            "assignment": flow_domain::AssignmentId::derive(RUN.parse().unwrap(), 1, role, &party.parse().unwrap(), 0),
            "role": role, "party": party, "attempt": 1, "state": state, "reason": reason, "message": "in words",
        });
        link.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        link
    };
    let log = json!({"exit_code": 70, "log": ["Traceback (most recent call last):", "ValueError: no"]});
    let culprit = link("party", "party-b", "Failed", "TrainingError", log);
    Json(json!({
        "state": "Failed", "reason": "TrainingError", "message": "party at party-b ended with exit code 70",
        "hint": "the traceback is in the last lines of the log",
        "culprit": culprit["assignment"],
        "chain": [culprit, link("server", "center", "Stopped", "StoppedOnRequest", json!({}))],
    }))
}
