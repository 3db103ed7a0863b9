//! kubelet, which runs the pods, and kube-proxy, which makes services of them.

use std::{process::Command, time::Duration};

use super::{cgroup, containers::shown, net, template};
use crate::{
    ClusterError, Process,
    building::Building,
    command, kubeconfig,
    pki::Pki,
    process::{Mounts, Namespaces, prefixed},
};

/// The node's name.
pub(super) const NAME: &str = "flow-node";

const READY: Duration = Duration::from_secs(120);

/// Starts both. kubelet sees the mounts of `containerd`, as each makes some that the other uses.
pub(super) fn start(building: &mut Building<'_>, pki: &Pki, containerd: &Process) -> Result<(), ClusterError> {
    let layout = building.layout.clone();
    let node = net::NODE.to_string();
    crate::pki::write(&layout.path("resolv.conf"), &format!("nameserver {node}\n"))?;
    pki.server("kubelet", &[NAME], &[net::NODE.into()])?;
    let socket = layout.containerd_socket();
    let values = [
        ("dir", shown(layout.dir())?),
        ("socket", shown(&socket)?),
        ("node", &node),
        ("cgroup", &cgroup::name()),
    ];
    let config = layout.path("kubelet.yaml");
    template::write(&config, include_str!("templates/kubelet.yaml"), &values)?;

    let mut kubelet = program(
        building,
        pki,
        "kubelet",
        &format!("system:node:{NAME}"),
        Some("system:nodes"),
    )?;
    kubelet
        .arg(prefixed("--config=", &config))
        .arg(prefixed("--root-dir=", &layout.path("kubelet")));
    kubelet
        .arg(format!("--hostname-override={NAME}"))
        .arg(format!("--node-ip={node}"));
    kubelet.arg(prefixed("--cert-dir=", &layout.path("pki")));
    let mounts = Mounts::Of(containerd.id.pid);
    let namespaces = Namespaces {
        mounts,
        ..building.namespaces.clone()
    };
    building.start_in("kubelet", &kubelet, &namespaces)?;

    let mut proxy = program(building, pki, "kube-proxy", "system:kube-proxy", None)?;
    proxy
        .arg(format!("--hostname-override={NAME}"))
        .arg(format!("--cluster-cidr={}", net::PODS));
    proxy.args(["--proxy-mode=iptables", "--conntrack-max-per-core=0"]);
    building.start("kube-proxy", &proxy).map(drop)
}

/// Waits until pods are scheduled to it.
pub(super) fn await_ready(building: &mut Building<'_>) -> Result<(), ClusterError> {
    building.until(READY, "the node is ready", |building| {
        let mut wait = building.kubectl();
        wait.args(["wait", "--for=condition=Ready", "--timeout=0s"])
            .arg(format!("node/{NAME}"));
        command::succeeds(&mut wait, Duration::from_secs(20))
    })
}

/// A command of a part that is a user of the API server.
fn program(
    building: &Building<'_>,
    pki: &Pki,
    part: &str,
    user: &str,
    group: Option<&str>,
) -> Result<Command, ClusterError> {
    let kubeconfig = building.layout.kubeconfig_of(part);
    let client = pki.client(&format!("{part}-client"), user, group)?;
    kubeconfig::write(&kubeconfig, &building.state.api_server, &pki.authority(), &client)?;
    let mut command = building.program(part);
    command
        .arg(prefixed("--kubeconfig=", &kubeconfig))
        .env("PATH", building.path());
    Ok(command)
}
