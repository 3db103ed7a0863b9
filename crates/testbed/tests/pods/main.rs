//! The platform in a real cluster: our own images, deployed by `kubectl apply -k`, train real iflearner in pods that reach each other by
//! host name, over TLS, through a real ingress controller. Then what goes wrong there: deleted pods, wrong images, no room, and every
//! part of the platform killed under a run. In the end everything is uninstalled, and nothing is left.
//!
//! One test, as one deployment serves all of it. `cargo xtask test` brings up the cluster and says where it is in
//! `FLOW_TEST_NODE_CLUSTER`.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test ends there")]

mod deployment;
mod evidence;
mod flow;
mod inventory;
mod kubectl;
mod legacy;
mod outages;
mod routing;
mod scenarios;

use std::time::{Duration, Instant};

use deployment::Deployment;
use evidence::Evidence;
use inventory::Inventory;
use kubectl::Kubectl;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_platform_in_a_real_cluster() {
    let began = Instant::now();
    let kubectl = Kubectl::from_environment();
    let _evidence = Evidence(kubectl.clone());
    let before = Inventory::take(&kubectl).await;
    let deployment = Deployment::apply(&kubectl).await;
    say(began, "deployed");

    tokio::join!(
        scenarios::success(&deployment),
        scenarios::wrong_image(&deployment),
        scenarios::no_room(&deployment),
        scenarios::without_launcher(&deployment),
        legacy::task(&deployment)
    );
    say(
        began,
        "a training, a task of /api/v1, a wrong image, a request that no node can take, and a program without the launcher",
    );
    tokio::join!(
        scenarios::smpc(&deployment),
        scenarios::deleted_pod(&deployment),
        routing::long_and_large(&deployment)
    );
    say(
        began,
        "secure aggregation, a pod deleted under a run, long calls and large messages",
    );
    outages::everything_killed(&deployment).await;
    say(began, "agent, server and operator killed under a run");
    outages::silent_api_server(&deployment).await;
    say(began, "the API server silent under a run");
    routing::gateway(&deployment).await;
    say(began, "a training, long calls and large messages by way of a Gateway");
    legacy::manifests(&deployment).await;
    say(began, "manifests of the original operator");

    // A namespace with the party's own volumes stays, until they are gone.
    let agents = [
        &["federate", "--party", "party-a"][..],
        &["federate", "--party", "party-b"],
    ];
    for agent in agents {
        deployment.uninstall(agent).await;
    }
    deployment.remove_data().await;
    for component in [agents[0], agents[1], &["server", "--purge"], &["operator"], &["crd"]] {
        deployment.uninstall(component).await;
    }
    deployment.remove_volumes().await;
    before.is_back(&kubectl, "each component uninstalled").await;
    say(began, "uninstalled one by one");
    // The scripts alone, twice: the second time changes nothing.
    deployment.make_volumes().await;
    deployment.install(&["all"]).await;
    let pods = deployment.platform_pods().await;
    deployment.install(&["all"]).await;
    assert_eq!(
        deployment.platform_pods().await,
        pods,
        "an install over an install restarted pods"
    );
    deployment.uninstall(&["all", "--purge"]).await;
    deployment.uninstall(&["all", "--purge"]).await;
    deployment.remove_volumes().await;
    before.is_back(&kubectl, "all uninstalled").await;
    say(began, "installed twice and uninstalled twice by script");
}

fn say(began: Instant, what: &str) {
    eprintln!("{:6.1} s  {what}", began.elapsed().as_secs_f64());
}

/// How long anything may take that a cluster does.
const PATIENCE: Duration = Duration::from_secs(120);
