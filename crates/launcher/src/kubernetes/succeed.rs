//! Names that jobs of one task have one after the other.

use kube::ResourceExt as _;

use super::{
    Shared,
    client::within,
    names::{self, PARTY, RELEASED_AT},
};
use crate::{Key, LaunchError};

/// The HTTP status of what is in the way.
const CONFLICT: u16 = 409;

impl Shared {
    /// Frees a name for the job of `key`. The one before goes with its pod and its log, once it has ended and nobody wants it any more.
    /// What this party's agent did not make stays.
    pub(super) async fn succeed(&self, key: &Key, name: &str, party: &str) -> Result<(), LaunchError> {
        let Some(before) = within(format!("look for {name}"), self.apis.jobs.get_opt(name)).await? else {
            return Ok(());
        };
        let is_own = before.labels().get(PARTY).is_some_and(|of| of == party);
        let Some(holder) = names::key(&before).filter(|_| is_own) else {
            return Err(LaunchError::KubernetesRefused {
                action: format!("make {name}"),
                code: CONFLICT,
                message: format!(
                    "there is an IflearnerJob {name} which this agent did not make: delete it, or set kubernetes.task_names = false"
                ),
            });
        };
        if holder == *key {
            return Ok(());
        }
        if names::time(&before, RELEASED_AT).is_none() {
            return Err(LaunchError::NameTaken {
                name: name.to_owned(),
                holder: holder.to_string(),
            });
        }
        tracing::info!(job = name, %holder, successor = %key, "removes the ended job whose name is wanted");
        self.remove(&holder, &before).await
    }
}
