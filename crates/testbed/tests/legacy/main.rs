//! `/api/v1` as existing clients of Iflearner Flow use it: the unmodified client from PyPI against a running stack with real parties, and the
//! contract field by field over plain HTTP.
#![allow(clippy::unwrap_used, reason = "a test ends there")]

mod client;
mod codes;
mod fields;
mod hostile;

use std::path::Path;

use flow_testbed::{Legacy, System};
use serde_json::{Value, json};

/// A system that trains nothing.
async fn idle() -> (System, Legacy) {
    started(Path::new("/bin/true")).await
}

async fn started(python: &Path) -> (System, Legacy) {
    let system = System::with(python).server(|config| config.legacy.listen = Some("127.0.0.1:0".parse().unwrap()));
    let system = system.start().await;
    let legacy = Legacy::new(system.legacy.unwrap());
    (system, legacy)
}

/// A template of a real iflearner party.
fn template(name: &str) -> Value {
    json!({
        "name": name, "image_url": "registry.example/iflearner:1", "workdir": "/app/iflearner",
        "command": ["python", "party_faulty.py"], "remark": "a remark", "hyper_parameter": [],
    })
}

/// A task over both parties.
fn task(name: &str, template: &Value) -> Value {
    json!({
        "name": name, "template_id": template, "remark": "a remark",
        "federate_data": [
            {"federated_id": "party-a", "federated_data": "numbers"},
            {"federated_id": "party-b", "federated_data": "numbers"},
        ],
    })
}
