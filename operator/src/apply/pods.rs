//! Makes, ends and deletes pods. A pod is never changed otherwise.

use std::sync::Arc;

use flow_operator_api::{ATTEMPT, IflearnerJob, JobReason, MANAGED_BY, OPERATOR};
use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch},
};
use serde_json::json;

use super::{Applier, by_us, delete, patch_by_us};
use crate::{
    api_error::{Problem, is},
    build::{self, ENDED_AT, ENDED_BY},
    caches::{is_owned, trim_pod},
    failpoint,
    lifecycle::Action,
    status::whole_seconds,
};

impl Applier {
    pub(super) async fn pod(&self, job: &IflearnerJob, action: &Action) -> Result<Option<Arc<Pod>>, Problem> {
        let namespace = job.namespace().unwrap_or_default();
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &namespace);
        match action {
            Action::Nothing | Action::Expire => Ok(None),
            Action::Create(attempt) => self.create_pod(&pods, job, *attempt).await.map(Some),
            Action::Delete(pod) => {
                self.metrics.write("delete", "Pod");
                let deleted = delete(&pods, &**pod, DeleteParams::default()).await;
                failpoint::hit("after-delete-pod");
                deleted.map_err(|error| Problem::of(&error, &title(pod)))?;
                Ok(None)
            }
            Action::End(pod, reason) => {
                let ended = self.end_pod(&pods, pod, *reason).await;
                failpoint::hit("after-end-pod");
                ended.map_err(|error| Problem::of(&error, &title(pod)))?;
                Ok(None)
            }
        }
    }

    async fn create_pod(&self, pods: &Api<Pod>, job: &IflearnerJob, attempt: u32) -> Result<Arc<Pod>, Problem> {
        let wanted = build::pod(job, attempt, &self.config);
        let namespace = job.namespace().unwrap_or_default();
        let name = wanted.name_any();
        self.recent.asked("Pod", &namespace, &name);
        self.metrics.write("create", "Pod");
        // Not by server-side apply: that would change a pod that is somebody else's.
        let created = pods.create(&by_us(), &wanted).await;
        failpoint::hit("after-pod");
        let made = match created {
            Ok(made) => Ok(made),
            Err(error) if is(&error, 409) => self.adopt_pod(pods, &name, attempt, job).await,
            Err(error) => Err(Problem::of(&error, &title(&wanted))),
        };
        match made {
            Ok(mut made) => {
                trim_pod(&mut made);
                let made = Arc::new(made);
                let version = made.resource_version();
                self.recent.made("Pod", &namespace, &name, version, Some(made.clone()));
                Ok(made)
            }
            Err(problem) => {
                self.recent.forget("Pod", &namespace, &name);
                Err(problem)
            }
        }
    }

    /// A pod of that name exists. If it is the job's, it gets the labels by which it is found from now on.
    async fn adopt_pod(&self, pods: &Api<Pod>, name: &str, attempt: u32, job: &IflearnerJob) -> Result<Pod, Problem> {
        let found = self.confirm_pod(pods, name, attempt, job).await?;
        found.ok_or_else(|| Problem {
            reason: JobReason::ApplyFailed,
            message: format!("pod {name} was there, and is gone: it is made anew"),
        })
    }

    /// The pod of that name as the API server has it, if there is one.
    ///
    /// # Errors
    /// When it is not the job's, or the API server does not say.
    pub(crate) async fn confirm_pod(
        &self,
        pods: &Api<Pod>,
        name: &str,
        attempt: u32,
        job: &IflearnerJob,
    ) -> Result<Option<Pod>, Problem> {
        let title = format!("pod {name}");
        let found = pods.get_opt(name).await.map_err(|error| Problem::of(&error, &title))?;
        let Some(pod) = found else {
            return Ok(None);
        };
        if !is_owned(&pod, job) {
            return Err(Problem::conflict(&title));
        }
        if pod.labels().get(MANAGED_BY).is_some_and(|by| by == OPERATOR) {
            return Ok(Some(pod));
        }
        let labels = json!({ "metadata": { "labels": { MANAGED_BY: OPERATOR, ATTEMPT: attempt.to_string() } } });
        self.metrics.write("patch", "Pod");
        let patched = pods.patch(name, &patch_by_us(), &Patch::Merge(labels)).await;
        patched.map(Some).map_err(|error| Problem::of(&error, &title))
    }

    /// A second after its start the pod's time is over: the kubelet sends TERM, waits for the grace period, and sends KILL.
    async fn end_pod(&self, pods: &Api<Pod>, pod: &Pod, reason: JobReason) -> kube::Result<()> {
        let patch = json!({
            "metadata": {
                "uid": pod.uid(),
                "annotations": { ENDED_BY: reason.as_str(), ENDED_AT: whole_seconds(Timestamp::now()) },
            },
            "spec": { "activeDeadlineSeconds": 1 },
        });
        self.metrics.write("patch", "Pod");
        pods.patch(&pod.name_any(), &patch_by_us(), &Patch::Merge(patch))
            .await?;
        Ok(())
    }
}

fn title(pod: &Pod) -> String {
    format!("pod {}", pod.name_any())
}
