//! Whole systems for tests and benches: real programs, real certificates, real Python, on this machine.
//!
//! Everything lies in one temporary folder and listens on ports of its own, so that any number of systems run beside each other.
//! A [`System`] that is dropped ends every process that it has started, and those that these have started. With `FLOW_TEST_KEEP` set
//! its folder stays, for who wants to read the logs.

#![allow(clippy::unwrap_used, reason = "a test ends where its system cannot go on")]
#![allow(clippy::missing_panics_doc, reason = "the same")]

mod api;
mod daemon;
mod jobs;
mod legacy;
mod programs;
mod proxy;
mod python;
mod replica;
mod system;
mod wait;

pub use self::{
    api::{Api, Refused},
    daemon::Daemon,
    jobs::{Job, jobs_under},
    legacy::{Cli, Legacy, Sdk},
    programs::{assets, program},
    proxy::{Proxy, Way},
    python::{FLOWER, LEGACY_CLIENT, flower, iflearner, legacy_client},
    replica::Replica,
    system::{Builder, Party, System, faulty, kill, signal},
    wait::{eventually, within},
};
