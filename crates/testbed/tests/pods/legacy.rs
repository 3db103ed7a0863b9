//! What existing users of Iflearner Flow bring along: tasks over `/api/v1`, scripts that know its names, and manifests.

use std::time::Duration;

use flow_testbed::{Legacy, within};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{PATIENCE, deployment::Deployment};

/// How long a training may take beside others.
const TRAINING: Duration = Duration::from_secs(240);

/// A task over `/api/v1` trains in pods. Its jobs have the names and hosts that Iflearner Flow gave them, and those of its next start too.
pub(crate) async fn task(at: &Deployment) {
    let legacy = at.flow.legacy().await;
    let template = json!({
        "name": "by-v1", "image_url": "iflearner-flow/training:test", "workdir": "/app/digits",
        "command": ["python", "party_digits.py", "--data=/data"],
    });
    let template = legacy.data(Method::POST, "/template", Some(template)).await["template_id"].clone();
    let data = ["party-a", "party-b"].map(|party| json!({"federated_id": party, "federated_data": "digits"}));
    let task = json!({"name": "by-v1", "template_id": template, "federate_data": data});
    let id = legacy.data(Method::POST, "/task", Some(task)).await["task_id"].clone();
    let id = id.as_str().unwrap();
    let jobs = [
        (
            "center",
            format!("iflearnerjob-server-{id}"),
            format!("{id}.server.iflearner.com"),
        ),
        (
            "party-a",
            format!("iflearnerjob-client-{id}-party-a"),
            format!("{id}.party-a.party.iflearner.com"),
        ),
        (
            "party-b",
            format!("iflearnerjob-client-{id}-party-b"),
            format!("{id}.party-b.party.iflearner.com"),
        ),
    ];
    let mut before = Vec::new();
    for start in ["first", "second"] {
        trains(&legacy, id).await;
        let mut ids = Vec::new();
        for (party, name, host) in &jobs {
            let there = at
                .kubectl
                .json(&format!("--namespace flow-{party} get iflearnerjob {name}"))
                .await;
            assert_eq!(there["spec"]["host"], *host, "{start}");
            assert_eq!(there["status"]["podName"], *name, "{start}");
            ids.push(there["metadata"]["uid"].clone());
        }
        let log = at
            .kubectl
            .run(&format!("--namespace flow-party-a logs {}", jobs[1].1))
            .await;
        assert!(!log.is_empty(), "{start}: the pod has no log");
        assert!(
            ids.iter().all(|id| !before.contains(id)),
            "{start}: {before:?}, {ids:?}"
        );
        before = ids;
    }
    at.went_through_the_ingress("/Base/send", &[&jobs[0].2]).await;
}

/// Starts a task, and waits for its success.
async fn trains(legacy: &Legacy, id: &str) {
    let start = json!({"epochs": 2});
    legacy
        .data(Method::POST, &format!("/task/{id}/start"), Some(start))
        .await;
    let ended = within(TRAINING, "the end of the training", async || {
        let shown = legacy.data(Method::GET, &format!("/task/{id}"), None).await;
        let is_over = !matches!(shown["status"].as_str(), Some("Started" | "Pending" | "Running"));
        is_over.then_some(shown)
    })
    .await;
    assert_eq!(ended["status"], "Succeeded", "{ended}");
    let parties: Vec<&Value> = ended["party_status"].as_array().unwrap().iter().collect();
    assert!(
        parties.len() == 2 && parties.iter().all(|party| party["complete"] == true),
        "{parties:?}"
    );
}

/// Old manifests, with nothing but the old fields, run beside each other without the platform.
pub(crate) async fn manifests(at: &Deployment) {
    // Python 3.11 needs a shim to import the client, and the original's images had an older one.
    let job = |name: &str, role: &str, host: &str, restart: &str, code: &str| {
        format!(
            "---\napiVersion: git.iflytek.com/v1\nkind: IflearnerJob\nmetadata:\n  name: {name}\n  namespace: flow-party-a\nspec:\n  \
             role: {role}\n  host: {host}\n  template:\n    spec:\n{restart}      terminationGracePeriodSeconds: 1\n      containers:\n      - name: iflearner\n        image: \
             iflearner-flow/training:test\n        args: [python, -c, {code:?}]\n"
        )
    };
    let never = "      restartPolicy: Never\n";
    let serve = "import http.server; http.server.ThreadingHTTPServer(('', 50002), http.server.SimpleHTTPRequestHandler).serve_forever()";
    let read =
        "print(open('/etc/server-iflearner-secret.crt').read(27), open('/etc/party-iflearner-secret.crt').read(27))";
    let manifests = [
        job("old-server", "server", "old.server.iflearner.com", "", serve),
        job("old-client", "client", "old.party-a.party.iflearner.com", never, read),
    ];
    at.kubectl.apply(&manifests.concat()).await;
    let status = async |name: &str| {
        at.kubectl
            .json(&format!("--namespace flow-party-a get iflearnerjob {name}"))
            .await["status"]
            .clone()
    };
    within(PATIENCE, "the client's end", async || {
        (status("old-client").await["phase"] == "Succeeded").then_some(())
    })
    .await;
    let printed = at.kubectl.run("--namespace flow-party-a logs old-client").await;
    assert_eq!(printed.matches("-----BEGIN CERTIFICATE-----").count(), 2, "{printed}");
    within(PATIENCE, "the server", async || {
        (status("old-server").await["phase"] == "Running").then_some(())
    })
    .await;
    let page = "get --raw /api/v1/namespaces/flow-party-a/services/http:old-server:82/proxy/";
    within(PATIENCE, "the server's page", async || {
        at.kubectl.try_run(page).await.ok()
    })
    .await;
    let ingress = at.kubectl.json("--namespace flow-party-a get ingress old-server").await;
    assert_eq!(ingress["spec"]["rules"][0]["host"], "old.server.iflearner.com");
    at.kubectl
        .run("--namespace flow-party-a delete iflearnerjob old-server old-client --cascade=foreground")
        .await;
}
