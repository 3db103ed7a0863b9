//! This machine as a node: containers, names and an ingress, in a network of their own.

pub(crate) mod cgroup;
mod claim;
mod containers;
pub(crate) mod dns;
mod http;
pub(crate) mod images;
mod ingress;
mod kubelet;
pub(crate) mod net;
pub(crate) mod packages;
mod places;
mod template;

pub(crate) use self::{
    claim::{is_claimed_by, is_claimed_by_other, release},
    packages::needs,
};
use crate::{ClusterError, NodeState, building::Building, layout::Layout, pki::Pki};

/// What is told of it.
pub(crate) fn state(layout: &Layout, domain: &str) -> NodeState {
    NodeState {
        address: net::NODE,
        host_address: net::HOST,
        https_port: 443,
        http_port: 80,
        domain: domain.to_owned(),
        containerd_socket: layout.containerd_socket(),
    }
}

/// Takes the machine's one node, and makes its network.
pub(crate) fn claim(building: &mut Building<'_>) -> Result<(), ClusterError> {
    claim::claim(building)?;
    net::up(building)
}

/// Brings it up, with the API server there.
pub(crate) fn up(building: &mut Building<'_>, pki: &Pki) -> Result<(), ClusterError> {
    building.link(&["ctr"])?;
    cgroup::create()?;
    let containerd = containers::start(building)?;
    kubelet::start(building, pki, &containerd)?;
    dns::start(building, pki)?;
    ingress::apply(building)?;
    ingress::start(building, pki)?;
    kubelet::await_ready(building)?;
    dns::await_ready(building)?;
    ingress::await_ready(building)
}

/// Removes what is not in the run directory. All processes must have ended.
pub(crate) fn down() -> Result<(), ClusterError> {
    net::down()?;
    cgroup::remove()?;
    claim::restore();
    Ok(())
}

/// What there is of a node, with the claim on it.
pub(crate) fn leftovers() -> Vec<String> {
    things().chain(claim::leftovers()).collect()
}

/// What there is of a node.
pub(crate) fn things() -> impl Iterator<Item = String> {
    net::leftovers().chain(cgroup::leftovers())
}
