//! Collects what belongs to a job.

use std::sync::Arc;

use flow_operator_api::{IflearnerJob, IflearnerJobStatus, JobReason};
use k8s_openapi::{
    api::core::v1::{Event, Pod},
    jiff::Timestamp,
};
use kube::{Api, ResourceExt, api::ListParams};

use crate::{
    build::pod_name,
    caches::is_owned,
    controller::{Context, Failure},
    lifecycle::Past,
    status,
};

/// A job with what belongs to it.
pub(crate) struct Dereferenced {
    pub(crate) pods: Vec<(u32, Arc<Pod>)>,
    pub(crate) mount: Option<String>,
}

impl Context {
    /// Collects what belongs to the job, from the caches. Only if a pod that was there is missing, the API server is asked: a
    /// pod must not be taken for lost because a cache is late, or somebody has taken its label away.
    pub(crate) async fn dereference(&self, job: &IflearnerJob, now: Timestamp) -> Result<Dereferenced, Failure> {
        let (namespace, name) = (job.namespace().unwrap_or_default(), job.name_any());
        let empty = IflearnerJobStatus::default();
        let status = job.status.as_ref().unwrap_or(&empty);
        let known = u32::try_from(status.attempts.unwrap_or(0)).unwrap_or(0);
        let mut pods = Vec::new();
        for attempt in 0..=known {
            let pod_name = pod_name(&name, attempt);
            let cached = self.applier.caches.pods.find(&namespace, &pod_name);
            let pod = cached.or_else(|| self.applier.recent.find("Pod", &namespace, &pod_name).flatten());
            if let Some(pod) = pod.filter(|pod| is_owned(&**pod, job)) {
                pods.push((attempt, pod));
            }
        }
        let newest = known.saturating_sub(1);
        let missing = pods.last().is_none_or(|(attempt, _)| *attempt < newest);
        if missing && !status.is_final() && status.pod_name.is_some() && Past(status).ran() {
            let api: Api<Pod> = Api::namespaced(self.applier.client.clone(), &namespace);
            let pod_name = pod_name(&name, newest);
            let confirmed = self.applier.confirm_pod(&api, &pod_name, newest, job).await;
            match confirmed {
                Ok(pod) => pods.extend(pod.map(|pod| (newest, Arc::new(pod)))),
                // Somebody else's by now: the job's own is gone.
                Err(problem) if problem.reason == JobReason::ObjectConflict => {}
                Err(problem) => return Err(Failure::Read(problem)),
            }
        }
        let newest = pods
            .last()
            .map(|(_, pod)| pod)
            .filter(|pod| !status.is_final() && status::stuck(pod, now));
        let mount = match newest {
            Some(pod) => self.mount_problem(pod, &namespace).await,
            None => None,
        };
        Ok(Dereferenced { pods, mount })
    }

    /// What the kubelet says of the volumes of a pod that does not come up. It says it in events only.
    async fn mount_problem(&self, pod: &Pod, namespace: &str) -> Option<String> {
        let events: Api<Event> = Api::namespaced(self.applier.client.clone(), namespace);
        let uid = pod.uid().unwrap_or_default();
        let wanted = ListParams::default()
            .fields(&format!("involvedObject.uid={uid},type=Warning"))
            .limit(50);
        // If they cannot be read, the job's status says a little less.
        let found = events.list(&wanted).await.ok()?;
        let of_volumes = |event: &&Event| {
            matches!(
                event.reason.as_deref(),
                Some("FailedMount" | "FailedAttachVolume" | "FailedMapVolume")
            )
        };
        let last = |event: &&Event| event.last_timestamp.as_ref().map(|time| time.0);
        found.items.iter().filter(of_volumes).max_by_key(last)?.message.clone()
    }
}
