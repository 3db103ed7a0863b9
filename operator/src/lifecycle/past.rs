//! What has been decided before, as the job's status has it.

use flow_operator_api::{Condition, ConditionType, IflearnerJobStatus, JobReason};
use k8s_openapi::jiff::Timestamp;

use crate::status::Finding;

/// What the job's status says of before.
pub(crate) struct Past<'p>(pub(crate) &'p IflearnerJobStatus);

impl Past<'_> {
    /// The newest attempt that the status knows of.
    pub(super) fn attempt(&self) -> u32 {
        u32::try_from(self.0.attempts.unwrap_or(0))
            .unwrap_or(0)
            .saturating_sub(1)
    }

    pub(super) fn condition(&self, which: ConditionType) -> Option<&Condition> {
        self.0.condition(which).filter(|condition| condition.status == "True")
    }

    pub(super) fn holds(&self, which: ConditionType) -> bool {
        self.condition(which).is_some()
    }

    pub(super) fn retrying_since(&self) -> Option<Timestamp> {
        let condition = self.condition(ConditionType::Retrying)?;
        condition.last_transition_time.as_ref().map(|time| time.0)
    }

    /// Whether the newest pod was seen to run.
    pub(crate) fn ran(&self) -> bool {
        let containers = self.0.container_statuses.iter().flatten();
        let mut states = containers.filter_map(|container| container.state.as_ref());
        self.0.phase.as_deref() == Some("Running")
            || states.any(|state| state.running.is_some() || state.terminated.is_some())
    }

    /// Why a pod that ran is not there any more.
    pub(super) fn vanished(&self) -> Finding {
        let target = self
            .0
            .conditions
            .iter()
            .find(|condition| condition.type_ == "DisruptionTarget");
        let reason = match target.and_then(|condition| condition.reason.as_deref()) {
            Some("PreemptionByScheduler") => JobReason::Preempted,
            Some("DeletionByTaintManager" | "DeletionByPodGC") => JobReason::NodeLost,
            Some(_) => JobReason::Evicted,
            None => JobReason::PodDeleted,
        };
        let said = target.and_then(|condition| condition.message.clone());
        Finding::new(reason, said.unwrap_or_default())
    }
}
