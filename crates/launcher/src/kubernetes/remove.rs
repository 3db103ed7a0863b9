//! Gives back and removes what an assignment has in the cluster.

use std::time::Duration;

use flow_operator_api::IflearnerJob;
use kube::{
    ResourceExt as _,
    api::{DeleteParams, Preconditions},
};
use serde_json::json;

use super::{
    Shared,
    client::within,
    names::{self, RELEASED_AT, STARTED_AT},
    now, observe,
};
use crate::{Key, LaunchError, Observed};

/// How long is waited for everything to be gone, and how often is looked. A pod ends within its own grace; then the caller tries again.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(250);

impl Shared {
    /// Ends the routing to an ended job; its pod stays with its log. What was never started is removed at once.
    pub(super) async fn release(&self, key: &Key) -> Result<(), LaunchError> {
        let Some(job) = self.known.job(key)? else {
            return Ok(());
        };
        if names::time(&job, RELEASED_AT).is_some() {
            return Ok(());
        }
        if names::time(&job, STARTED_AT).is_none() {
            return self.remove(key, &job).await;
        }
        if !matches!(observe::observed(&job, &self.config, now()), Observed::Exited(_)) {
            return Err(LaunchError::StillRunning { key: key.to_string() });
        }
        let change = json!({
            "metadata": {"annotations": {RELEASED_AT: now().to_string()}},
            "spec": {"ingress": {"enabled": false}},
        });
        self.change(&job, change).await
    }

    /// Removes a released job with all that it owns.
    pub(super) async fn purge(&self, key: &Key) -> Result<(), LaunchError> {
        let Some(job) = self.known.job(key)? else {
            return Ok(());
        };
        if names::time(&job, RELEASED_AT).is_none() {
            return Err(LaunchError::NotReleased { key: key.to_string() });
        }
        self.remove(key, &job).await
    }

    /// Deletes the job after everything that it owns, and waits until it is gone. What has taken its name since stays.
    pub(super) async fn remove(&self, key: &Key, job: &IflearnerJob) -> Result<(), LaunchError> {
        let (name, uid) = (job.name_any(), job.uid());
        let action = format!("delete {name}");
        let how = DeleteParams::foreground().preconditions(Preconditions {
            uid: uid.clone(),
            resource_version: None,
        });
        match within(action.clone(), self.apis.jobs.delete(&name, &how)).await {
            // Not there, or no longer this one.
            Ok(_) | Err(LaunchError::KubernetesRefused { code: 404 | 409, .. }) => {}
            Err(error) => return Err(error),
        }
        let gone = async {
            let is_this = |there: &IflearnerJob| there.uid() == uid;
            while let Some(job) = within(action.clone(), self.apis.jobs.get_opt(&name))
                .await?
                .filter(is_this)
            {
                tracing::debug!(job = job.name_any(), "waits for what it owns to be gone");
                tokio::time::sleep(LOOK).await;
            }
            Ok(())
        };
        match tokio::time::timeout(PATIENCE, gone).await {
            Ok(Ok(())) => {
                self.known.removed(key);
                Ok(())
            }
            Ok(Err(error)) => Err(error),
            Err(elapsed) => Err(LaunchError::KubernetesUnavailable {
                action: format!("wait until {name} is gone"),
                source: elapsed.into(),
            }),
        }
    }
}
