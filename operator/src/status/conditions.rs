//! The conditions of a job: its pod's, and its own.

use flow_operator_api::{Condition, ConditionType};
use k8s_openapi::{
    api::core::v1::{Pod, PodCondition},
    jiff::Timestamp,
};

use super::whole_seconds;

/// Collects conditions; the time of one whose status is as before stays.
pub(super) struct Conditions<'c> {
    before: &'c [Condition],
    generation: Option<i64>,
    now: Timestamp,
    all: Vec<Condition>,
}

impl<'c> Conditions<'c> {
    pub(super) fn new(before: &'c [Condition], generation: Option<i64>, now: Timestamp) -> Self {
        Self {
            before,
            generation,
            now,
            all: Vec::new(),
        }
    }

    /// Adds the pod's own.
    pub(super) fn of_pod(&mut self, pod: &Pod) {
        let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
        self.all.extend(conditions.map(from_pod));
    }

    /// Adds one of the job's.
    pub(super) fn set(&mut self, which: ConditionType, holds: bool, reason: &str, message: &str) {
        self.set_since(which, holds, reason, message, self.now);
    }

    /// Adds one of the job's that holds since that time, if it did not hold before.
    pub(super) fn set_since(
        &mut self,
        which: ConditionType,
        holds: bool,
        reason: &str,
        message: &str,
        since: Timestamp,
    ) {
        let status = if holds { "True" } else { "False" };
        let before = self.before.iter().find(|condition| condition.type_ == which.as_str());
        let unchanged = before.filter(|condition| condition.status == status);
        let time = unchanged.and_then(|condition| condition.last_transition_time.clone());
        self.all.push(Condition {
            type_: which.as_str().to_owned(),
            status: status.to_owned(),
            reason: Some(reason.to_owned()),
            message: (!message.is_empty()).then(|| message.to_owned()),
            last_transition_time: Some(time.unwrap_or_else(|| whole_seconds(since))),
            last_probe_time: None,
            observed_generation: self.generation,
        });
    }

    pub(super) fn into_vec(self) -> Vec<Condition> {
        self.all
    }
}

fn from_pod(condition: &PodCondition) -> Condition {
    Condition {
        type_: condition.type_.clone(),
        status: condition.status.clone(),
        reason: condition.reason.clone(),
        message: condition.message.clone(),
        last_transition_time: condition.last_transition_time.clone(),
        last_probe_time: condition.last_probe_time.clone(),
        observed_generation: None,
    }
}
