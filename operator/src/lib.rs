//! `flow-operator`: makes a pod, a service and a route of each `IflearnerJob`, keeps them as they should be, and says in the
//! job's status what became of it.
//!
//! What `build`, `lifecycle`, `status` and `validate` do is pure: jobs and pods in, decisions and objects out.

mod api_error;
mod apply;
mod build;
mod caches;
pub mod cli;
mod cluster;
pub mod config;
mod controller;
mod crd;
mod dereference;
mod events;
mod failpoint;
mod leader;
mod lifecycle;
mod metrics;
mod operator;
mod recent;
mod status;
mod validate;
mod work;

pub use self::{
    crd::crd_yaml,
    operator::{Operator, StartError},
};
