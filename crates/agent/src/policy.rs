//! What the party allows, decided before anything is reserved or started.

use flow_domain::{AssignmentSpec, Reason, profile::Placement};

use crate::config::PolicyConfig;

/// A refusal: why, and in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}

/// Whether the party takes the assignment.
pub(crate) fn check(policy: &PolicyConfig, spec: &AssignmentSpec) -> Result<(), Refusal> {
    let allowed = policy
        .frameworks
        .iter()
        .any(|name| name == "*" || *name == spec.framework);
    if !allowed {
        let known = policy.frameworks.join(", ");
        let message = format!("this party takes part with {known} only, not with '{}'", spec.framework);
        return Err(Refusal::new(Reason::PolicyRefused, message));
    }
    if spec.launch.placement == Placement::Aggregator && !policy.aggregation {
        let message = "this party hosts no aggregation roles (policy.aggregation is false)";
        return Err(Refusal::new(Reason::PolicyRefused, message));
    }
    Ok(())
}
