//! A real, current Kubernetes on one machine, for tests and for people. Linux only.
//!
//! [`Cluster::up`] brings one up, [`Cluster::down`] (or dropping it) takes it down, and nothing is left. There are two
//! [levels](Level): an API server with its controllers, which needs nothing but its programs, and a whole node with
//! containers, names and an ingress, which needs root.
//!
//! The programs are built once from pinned sources and kept in the user's cache.
//!
//! # What a node does to the machine
//!
//! Nearly nothing, because all its parts are in a network namespace of their own: bridges, virtual interfaces, packet
//! filter rules, listening ports and forwarding are in there and go with it. Outside there is one interface that leads
//! to it, with routes to pods and services, so that a test on the machine reaches them directly. No packet leaves the
//! machine. Mounts are in a mount namespace that goes with the processes, and containers in one cgroup. `/run/flow-cluster`
//! says whose the node is, and what is to be put back: some settings of the kernel that kubelet changes.

mod binaries;
mod building;
mod cluster;
mod command;
mod control;
mod error;
mod existing;
mod kubeconfig;
mod layout;
mod leftovers;
mod lock;
mod node;
mod options;
mod pki;
mod place;
mod process;
mod registry;
mod state;
mod teardown;
mod wait;

pub use self::{
    binaries::KUBERNETES,
    cluster::{Cluster, fetch, missing},
    error::{ClusterError, Missing, Need},
    leftovers::leftovers,
    node::images::ECHO as ECHO_IMAGE,
    options::{DEFAULT_DOMAIN, Level, Options},
    process::{Process, ProcessId},
    state::{NodeState, State},
};
