//! What the API server checks beyond types and bounds, as CEL.
//!
//! The operator checks the same itself (`validate.rs` there), as a cluster may hold objects that are older than a rule.

use kube::core::Rule;

/// A DNS label that starts with a letter, as a Service's name must be.
pub const DNS_LABEL: &str = "[a-z]([-a-z0-9]*[a-z0-9])?";

/// A DNS name of lower-case letters, digits, `-` and `.`.
pub const DNS_NAME: &str = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\\\\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*";

pub(crate) fn name() -> Rule {
    Rule::new(format!(
        "self.metadata.name.size() <= (has(self.spec.backoffLimit) && self.spec.backoffLimit > 0 ? 59 : 63) && self.metadata.name.matches('^{DNS_LABEL}$')"
    ))
    .message("the name must be a DNS label of at most 63 characters (59 with a backoffLimit) that starts with a letter, as the Service has it too")
}

pub(crate) fn template() -> Rule {
    Rule::new("!has(oldSelf.status) || !has(oldSelf.status.startTime) || self.spec.template == oldSelf.spec.template")
        .message("spec.template cannot be changed once the job was started: make a new job")
}

pub(crate) fn role() -> Rule {
    Rule::new("self == oldSelf").message("role cannot be changed: make a new job")
}

pub(crate) fn host() -> Rule {
    Rule::new(format!("self == '' || self.matches('^{DNS_NAME}$')"))
        .message("host must be a DNS name in lower case, such as task.server.example.com")
}

pub(crate) fn ports() -> Rule {
    Rule::new("self.all(a, self.exists_one(b, b.name == a.name)) && self.all(a, self.exists_one(b, b.port == a.port))")
        .message("each of the ports must have a name and a number of its own")
}

pub(crate) fn certificate() -> Rule {
    Rule::new("has(self.configMap) != has(self.secret)")
        .message("a certificate comes from either a configMap or a secret: give exactly one of them")
}
