//! Another way to the jobs than an Ingress.

use flow_testbed::within;
use serde_json::json;

use crate::{
    PATIENCE,
    deployment::Deployment,
    scenarios::{hosts, job},
};

/// What an operator that makes GRPCRoutes is told.
const GATEWAY: [(&str, &str); 4] = [
    ("FLOW_OPERATOR__ROUTING", "gateway"),
    ("FLOW_OPERATOR__GATEWAY__NAME", "contour"),
    ("FLOW_OPERATOR__GATEWAY__NAMESPACE", "projectcontour"),
    ("FLOW_OPERATOR__GATEWAY__SECTION_NAME", "https"),
];

const ROUTE: &str = "FLOW_OPERATOR__GATEWAY__ROUTE";

/// By a Gateway of the Gateway API: a training by GRPCRoutes; then, by HTTPRoutes, what the first cannot promise.
pub(crate) async fn gateway(at: &Deployment) {
    at.make_gateway_certificate().await;
    let settings: Vec<String> = GATEWAY.iter().map(|(name, value)| format!("{name}={value}")).collect();
    set(at, &settings.join(" ")).await;
    let run = at.flow.start("gateway", json!({}), json!({"switches": ["smpc"]})).await;
    at.flow.succeeds(run).await;
    let members = at.flow.assignments(run).await;
    let server = job(&members, "center");
    let route = at
        .kubectl
        .json(&format!("--namespace flow-center get grpcroute {server}"))
        .await;
    assert_eq!(route["spec"]["parentRefs"][0]["name"], "contour");
    let ingress = at
        .kubectl
        .try_run(&format!("--namespace flow-center get ingress {server}"))
        .await;
    assert!(
        ingress.is_err_and(|error| error.contains("NotFound")),
        "there is an Ingress too"
    );
    let hosts = hosts(at, &members).await;
    at.went_through_the_ingress("/Base/send", &[&hosts["center"]]).await;
    set(at, &format!("{ROUTE}=HTTPRoute")).await;
    long_and_large(at).await;
    let names = GATEWAY.iter().map(|(name, _)| *name).chain([ROUTE]);
    let unset: Vec<String> = names.map(|name| format!("{name}-")).collect();
    set(at, &unset.join(" ")).await;
    at.kubectl.run("--namespace projectcontour delete secret gateway").await;
}

/// Calls that take longer than controllers allow by default, and a message of 1 GiB, pass: from pod to pod by host name.
pub(crate) async fn long_and_large(at: &Deployment) {
    let job = |name: &str, program: &str, argument: &str| {
        json!({
            "apiVersion": "git.iflytek.com/v1", "kind": "IflearnerJob",
            "metadata": { "name": name, "namespace": "flow-party-a" },
            "spec": {
                "role": "client", "host": format!("{name}.party-a.party.iflearner.com"),
                "template": { "spec": {
                    "restartPolicy": "Never", "terminationGracePeriodSeconds": 1,
                    "containers": [{
                        "name": "iflearner", "image": "iflearner-flow/training:test",
                        "args": ["python", "-c", program, argument],
                    }],
                } },
            },
        })
    };
    let (echo, call) = (include_str!("programs/echo.py"), include_str!("programs/call.py"));
    let jobs = [
        job("echo", echo, ""),
        job("call", call, "echo.party-a.party.iflearner.com"),
    ];
    at.kubectl
        .apply(&json!({ "apiVersion": "v1", "kind": "List", "items": jobs }).to_string())
        .await;
    let ended = within(4 * PATIENCE, "the end of the calls", async || {
        let job = at.kubectl.json("--namespace flow-party-a get iflearnerjob call").await;
        let phase = job["status"]["phase"].as_str()?;
        ["Succeeded", "Failed"].contains(&phase).then(|| phase.to_owned())
    })
    .await;
    let said = at.kubectl.run("--namespace flow-party-a logs call").await;
    assert_eq!(ended, "Succeeded", "{said}");
    assert!(
        said.contains("large: 1073741824 bytes") && said.contains("late: "),
        "{said}"
    );
    eprintln!(
        "          {}",
        said.lines()
            .filter(|line| !line.starts_with("not there"))
            .collect::<Vec<_>>()
            .join(", ")
    );
    at.kubectl
        .run("--namespace flow-party-a delete iflearnerjob echo call --cascade=foreground")
        .await;
}

/// Changes the operator's environment, and waits until the new one is there.
async fn set(at: &Deployment, changes: &str) {
    at.kubectl
        .run(&format!(
            "--namespace flow-system set env deployment/flow-operator {changes}"
        ))
        .await;
    at.kubectl
        .run("--namespace flow-system rollout status deployment/flow-operator --timeout 120s")
        .await;
}
