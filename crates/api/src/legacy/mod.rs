//! What `/api/v1` speaks, as server and parties share it: the API of Iflearner Flow, for its clients.
//!
//! Every answer is an [`Envelope`], also that to a refused request, with HTTP 200; what is absent is `null`.

mod code;
mod federate;
mod task;
mod template;
mod time;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::{
    code::RetCode,
    federate::{FederateView, FederatesView},
    task::{FederateData, LogsView, PartyStatus, Status, TaskMade, TaskView, TasksView},
    template::{TemplateMade, TemplateView, TemplatesView},
    time::LegacyTime,
};

/// What every answer is wrapped in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Envelope<T> {
    /// 0, or which refusal it is.
    pub ret_code: RetCode,
    /// `success`, or what is the matter.
    pub ret_msg: String,
    /// What was asked for.
    pub data: Option<T>,
}

/// No data: `null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Nothing {}

impl<T> Envelope<T> {
    /// An answer with data.
    pub fn of(data: T) -> Self {
        Self {
            ret_code: RetCode::Success,
            ret_msg: RetCode::Success.message().to_owned(),
            data: Some(data),
        }
    }
}

impl Envelope<()> {
    /// An answer that has nothing to say but that it was done.
    #[must_use]
    pub fn done() -> Self {
        Self::refused(RetCode::Success, RetCode::Success.message())
    }

    /// A refusal, and what is the matter this time.
    pub fn refused(code: RetCode, message: impl Into<String>) -> Self {
        Self {
            ret_code: code,
            ret_msg: message.into(),
            data: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_wrapped_and_what_is_absent_is_null() {
        assert_eq!(
            serde_json::to_value(Envelope::of(7)).unwrap(),
            json!({"ret_code": 0, "ret_msg": "success", "data": 7})
        );
        assert_eq!(
            serde_json::to_value(Envelope::done()).unwrap(),
            json!({"ret_code": 0, "ret_msg": "success", "data": null})
        );
        let refused = Envelope::refused(RetCode::TaskNotFound, RetCode::TaskNotFound.message());
        assert_eq!(
            serde_json::to_value(refused).unwrap(),
            json!({"ret_code": 10300, "ret_msg": "task not found", "data": null})
        );
    }
}
