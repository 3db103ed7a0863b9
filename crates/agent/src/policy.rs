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
    if let Some(image) = &spec.image
        && !policy.images.iter().any(|pattern| matches(pattern, image))
    {
        let message = format!("this party does not run the image '{image}' (policy.images)");
        return Err(Refusal::new(Reason::PolicyRefused, message));
    }
    if spec.launch.placement == Placement::Aggregator && !policy.aggregation {
        let message = "this party hosts no aggregation roles (policy.aggregation is false)";
        return Err(Refusal::new(Reason::PolicyRefused, message));
    }
    Ok(())
}

/// Whether `text` is `pattern`, or begins as it does up to its `*`.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => text.starts_with(beginning),
        None => text == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_allowed_by_name_or_beginning() {
        assert!(matches("*", "any/image:1"));
        assert!(matches("registry.example/fl/*", "registry.example/fl/train:1"));
        assert!(!matches("registry.example/fl/*", "registry.example/other:1"));
        assert!(matches("train:1", "train:1") && !matches("train:1", "train:10"));
    }
}
