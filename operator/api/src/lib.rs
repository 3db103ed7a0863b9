//! The `IflearnerJob` custom resource, `git.iflytek.com/v1`: one process of a federated-learning job in a party's cluster.
//!
//! It is a superset of the resource of the original iflearner-operator: manifests written for that apply unchanged. What they
//! can say is `role`, `host`, `schedulername` and `template`; every other field is optional.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test ends there"))]

mod defaults;
mod labels;
mod reason;
pub mod rules;
mod schema;
#[allow(unreachable_pub, reason = "KubeSchema derives through structs of its own")]
mod spec;
mod status;

pub use self::{
    defaults::{
        PARTY_CERTIFICATE, PARTY_CONFIG_MAP, PARTY_TLS_SECRET, SERVER_CERTIFICATE, SERVER_CONFIG_MAP, SERVER_TLS_SECRET,
    },
    labels::{APP, ATTEMPT, MANAGED_BY, OPERATOR, ROLE, TEMPLATE},
    reason::JobReason,
    spec::{Certificate, IflearnerJob, IflearnerJobSpec, Ingress, Port, Role},
    status::{Condition, ConditionType, IflearnerJobStatus},
};
