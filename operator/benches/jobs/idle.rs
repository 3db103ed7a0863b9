//! What an operator asks of the API server while nothing happens.
//!
//! The API server counts requests by flow schema, and a flow schema takes what one user asks. So the operator is another user than
//! everybody else, and what it asks other than watches and its lease has a schema of its own.

use std::{fs, time::Duration};

use k8s_openapi::api::{flowcontrol::v1::FlowSchema, rbac::v1::ClusterRoleBinding};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{Patch, PatchParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

/// For how long it is watched.
const IDLE: Duration = Duration::from_secs(30);

/// The operator's user, and all that is made for it.
const NAME: &str = "flow-operator-bench";

/// A user whose requests are counted.
pub(crate) struct Counted {
    client: Client,
    /// The way to the cluster as that user.
    pub(crate) kubeconfig: NamedTempFile,
}

impl Counted {
    pub(crate) async fn new(client: &Client) -> Self {
        let may: ClusterRoleBinding = from(json!({
            "metadata": { "name": NAME },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": NAME }],
        }));
        apply(client, &may).await;
        let all = json!({
            "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update"],
            "apiGroups": ["", "git.iflytek.com", "networking.k8s.io", "gateway.networking.k8s.io", "events.k8s.io"],
            "resources": ["*"], "namespaces": ["*"], "clusterScope": true,
        });
        let counts: FlowSchema = from(json!({
            "metadata": { "name": NAME },
            "spec": {
                "priorityLevelConfiguration": { "name": "workload-low" }, "matchingPrecedence": 100,
                "rules": [{ "subjects": [{ "kind": "User", "user": { "name": NAME } }], "resourceRules": [all] }],
            },
        }));
        apply(client, &counts).await;
        let kubeconfig = fs::read_to_string(std::env::var("KUBECONFIG").unwrap()).unwrap();
        let mut kubeconfig: Value = serde_saphyr::from_str(&kubeconfig).unwrap();
        kubeconfig["users"][0]["user"]["as"] = json!(NAME);
        let file = NamedTempFile::new().unwrap();
        fs::write(file.path(), kubeconfig.to_string()).unwrap();
        Self {
            client: client.clone(),
            kubeconfig: file,
        }
    }

    /// Watches an operator that has nothing to do, and prints how many requests it makes.
    pub(crate) async fn show(&self) {
        let before = self.requests().await;
        // It has asked for what there is, or else nothing is counted here.
        assert!(before > 0, "the operator's requests are not counted");
        tokio::time::sleep(IDLE).await;
        println!(
            "idle for {} s: {} requests other than watches and its lease (limit: 0)",
            IDLE.as_secs(),
            self.requests().await - before
        );
    }

    async fn requests(&self) -> u64 {
        let request = http::Request::get("/metrics").body(Vec::new()).unwrap();
        let metrics = self.client.request_text(request).await.unwrap();
        let counts = metrics.lines().filter(|line| {
            line.starts_with("apiserver_flowcontrol_dispatched_requests_total{")
                && line.contains(&format!("flow_schema=\"{NAME}\""))
        });
        let counts = counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        counts.sum::<f64>() as u64
    }
}

fn from<K: DeserializeOwned>(object: Value) -> K {
    serde_json::from_value(object).unwrap()
}

async fn apply<K>(client: &Client, object: &K)
where
    K: Resource<DynamicType = ()> + Clone + Serialize + DeserializeOwned + std::fmt::Debug,
{
    let parameters = PatchParams::apply(NAME).force();
    Api::<K>::all(client.clone())
        .patch(&object.name_any(), &parameters, &Patch::Apply(object))
        .await
        .unwrap();
}
