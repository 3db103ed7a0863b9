//! Another way to the jobs than an Ingress.

use serde_json::json;

use crate::{
    deployment::Deployment,
    scenarios::{hosts, job},
};

/// What an operator that makes GRPCRoutes is told.
const SETTINGS: [(&str, &str); 4] = [
    ("FLOW_OPERATOR__ROUTING", "gateway"),
    ("FLOW_OPERATOR__GATEWAY__NAME", "contour"),
    ("FLOW_OPERATOR__GATEWAY__NAMESPACE", "projectcontour"),
    ("FLOW_OPERATOR__GATEWAY__SECTION_NAME", "https"),
];

/// By a Gateway of the Gateway API, with a GRPCRoute for each job.
pub(crate) async fn gateway(at: &Deployment) {
    at.make_gateway_certificate().await;
    let settings: Vec<String> = SETTINGS.iter().map(|(name, value)| format!("{name}={value}")).collect();
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
    let unset: Vec<String> = SETTINGS.iter().map(|(name, _)| format!("{name}-")).collect();
    set(at, &unset.join(" ")).await;
    at.kubectl.run("--namespace projectcontour delete secret gateway").await;
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
