//! The part of a cluster that these tests play themselves: scheduler and kubelet, as far as they write into pods.

use k8s_openapi::{
    api::core::v1::{Binding, Node, Pod},
    jiff::Timestamp,
};
use kube::{
    Api, Resource,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::world::World;

const NODE: &str = "no-machine";

impl World {
    /// Puts the pod on a node, as the scheduler does.
    pub(crate) async fn bind(&self, pod: &str) -> Pod {
        let found = self.there::<Pod>(pod).await;
        if found.spec.as_ref().is_some_and(|spec| spec.node_name.is_some()) {
            return found;
        }
        let nodes: Api<Node> = Api::all(self.client.clone());
        let node = json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": { "name": NODE },
            // Nothing comes here but by us.
            "spec": { "unschedulable": true },
        });
        nodes
            .patch(
                NODE,
                &PatchParams::apply("flow-operator-tests").force(),
                &Patch::Apply(node),
            )
            .await
            .unwrap();
        let binding: Binding = serde_json::from_value(json!({
            "metadata": { "name": pod },
            "target": { "apiVersion": "v1", "kind": "Node", "name": NODE },
        }))
        .unwrap();

        let bound: Result<Value, _> = self
            .api::<Pod>()
            .create_subresource("binding", pod, &PostParams::default(), &binding)
            .await;
        bound.unwrap();
        self.there(pod).await
    }

    /// Writes a pod's status, as the kubelet does.
    pub(crate) async fn report(&self, pod: &str, status: Value) {
        let patch = Patch::Merge(json!({ "status": status }));
        self.api::<Pod>()
            .patch_status(pod, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    /// The pod runs.
    pub(crate) async fn run(&self, pod: &str) {
        self.bind(pod).await;
        let status = json!({
            "phase": "Running", "podIP": "10.9.8.7", "podIPs": [{ "ip": "10.9.8.7" }], "hostIP": "10.0.0.1", "startTime": now(),
            "conditions": [{ "type": "Ready", "status": "True" }],
            "containerStatuses": [container(json!({ "running": { "startedAt": now() } }), true)],
        });
        self.report(pod, status).await;
    }

    /// The pod's process ends.
    pub(crate) async fn exit(&self, pod: &str, code: i32) {
        let how = json!({ "exitCode": code, "reason": if code == 0 { "Completed" } else { "Error" } });
        self.terminate(pod, how).await;
    }

    /// The pod's process ends in a special way.
    pub(crate) async fn terminate(&self, pod: &str, how: Value) {
        let phase = if how["exitCode"] == 0 { "Succeeded" } else { "Failed" };
        let mut end = json!({ "startedAt": now(), "finishedAt": now() });
        crate::world::merge(&mut end, how);
        self.report(
            pod,
            json!({ "phase": phase, "containerStatuses": [container(json!({ "terminated": end }), false)] }),
        )
        .await;
    }

    /// The pod's container waits.
    pub(crate) async fn wait_for(&self, pod: &str, reason: &str, message: &str) {
        self.bind(pod).await;
        let state = json!({ "waiting": { "reason": reason, "message": message } });
        self.report(
            pod,
            json!({ "phase": "Pending", "startTime": now(), "containerStatuses": [container(state, false)] }),
        )
        .await;
    }

    /// The kubelet has ended what ran, and lets the pod go.
    pub(crate) async fn let_go(&self, pod: &str) {
        let at_once = DeleteParams::default().grace_period(0);
        self.api::<Pod>().delete(pod, &at_once).await.unwrap();
    }

    /// The pod, once its deletion was asked for.
    pub(crate) async fn deleting(&self, pod: &str) -> Pod {
        self.until("a deletion", || async {
            let found = self.api::<Pod>().get_opt(pod).await.unwrap()?;
            found.meta().deletion_timestamp.is_some().then_some(found)
        })
        .await
    }
}

fn container(state: Value, ready: bool) -> Value {
    json!({ "name": "main", "image": "a:1", "imageID": "sha256:0", "ready": ready, "restartCount": 0, "state": state })
}

pub(crate) fn now() -> String {
    Timestamp::from_second(Timestamp::now().as_second())
        .unwrap()
        .to_string()
}
