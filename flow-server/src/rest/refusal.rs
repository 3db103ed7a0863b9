//! What a service refused, as a handler's error.

use flow_api::ViolationView;
use flow_rest::Failure;

use crate::service::Refusal;

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let violations = refusal.violations.into_iter().map(|violation| ViolationView {
            field: violation.field,
            problem: violation.problem,
        });
        Self::new(refusal.code, refusal.detail).with(violations)
    }
}
