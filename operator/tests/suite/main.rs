//! The operator, as a program, on a real API server with its controllers and scheduler.
//!
//! There is no kubelet: [`kubelet`] writes what one would write into a pod's status. All else is real.
//!
//! One cluster serves all tests, each of which has a namespace of its own. It is the one of `KUBECONFIG`, or the one that
//! `cargo xtask cluster up --level api` has brought up.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contract;
mod crashes;
mod ends;
mod healing;
mod kubelet;
mod operator;
mod reasons;
mod refusals;
mod replicas;
mod retries;
mod routing;
mod rules;
mod world;
