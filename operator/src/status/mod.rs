//! What is said of a job in its status.

mod conditions;
mod fold;
mod pod;
mod write;

pub(crate) use self::{
    fold::{Applied, fold},
    pod::{Finding, failure, finished_at, is_finished, phase, stuck, waiting},
    write::patch,
};

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

/// A time as Kubernetes writes them: whole seconds.
pub(crate) fn whole_seconds(time: Timestamp) -> Time {
    Time(Timestamp::from_second(time.as_second()).unwrap_or(time))
}
