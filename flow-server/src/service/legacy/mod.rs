//! The API of Iflearner Flow, `/api/v1`, in terms of the same templates, tasks and runs: a task that was made there is one like any other.

mod document;
mod hyper;
mod literal;
mod names;
mod runs;
mod status;
mod tasks;
mod templates;

use flow_api::legacy::RetCode;
use flow_domain::ErrorCode;

pub(super) use self::names::job_name;
pub(crate) use self::names::{TASK, TEMPLATE};
pub use self::{
    document::{TaskBody, TemplateBody},
    runs::StartBody,
};
pub(crate) use self::{tasks::spec as task_spec, templates::spec as template_spec};
use super::Refusal;
use crate::store::{StoreError, Window};

/// How often a change is made anew on what another has left: clients know no revisions, so the last one counts.
const TRIES: usize = 8;

/// Why a request was not done.
#[derive(Debug)]
pub enum Denied {
    /// The contract has a code for it.
    Said(RetCode, String),
    /// The server could not.
    Failed(Refusal),
}

impl Denied {
    /// The code with its own words.
    pub(crate) fn plain(code: RetCode) -> Self {
        Self::Said(code, code.message().to_owned())
    }

    /// A parameter is not right.
    pub(crate) fn invalid(problem: impl AsRef<str>) -> Self {
        let code = RetCode::ParamInvalid;
        Self::Said(code, format!("{}: {}", code.message(), problem.as_ref()))
    }

    /// What a service refused; a conflict is one about `conflict` here, and what is missing is `missing`.
    fn of(refusal: Refusal, missing: RetCode, conflict: RetCode) -> Self {
        match refusal.code {
            ErrorCode::Invalid | ErrorCode::TooLarge => Self::invalid(refusal.detail),
            ErrorCode::NotFound => Self::plain(missing),
            ErrorCode::Conflict => Self::plain(conflict),
            _ => Self::Failed(refusal),
        }
    }
}

impl From<StoreError> for Denied {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// A page by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageNumber {
    /// From 1.
    pub page: u64,
    /// How many to a page.
    pub limit: u64,
}

impl PageNumber {
    /// The largest page.
    pub const MOST: u64 = 1000;

    /// A page, if there can be such a one.
    ///
    /// # Errors
    /// If a number is out of its range.
    pub fn new(page: u64, limit: u64) -> Result<Self, Denied> {
        if page == 0 || page > u64::from(u32::MAX) {
            return Err(Denied::invalid("page: from 1"));
        }
        if !(1..=Self::MOST).contains(&limit) {
            return Err(Denied::invalid(format!("limit: from 1 to {}", Self::MOST)));
        }
        Ok(Self { page, limit })
    }

    pub(crate) fn window(self) -> Window {
        Window {
            skip: (self.page - 1) * self.limit,
            limit: self.limit,
        }
    }
}
