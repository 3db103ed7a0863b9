//! The controller manager and the scheduler. Neither serves anything: nobody would ask.

use super::Addresses;
use crate::{
    ClusterError, Level,
    building::Building,
    kubeconfig,
    node::net,
    pki::{Pair, Pki},
    process::prefixed,
};

/// Starts both.
pub(super) fn start(
    building: &mut Building<'_>,
    addresses: &Addresses,
    pki: &Pki,
    tokens: &Pair,
) -> Result<(), ClusterError> {
    let authority = pki.authority();
    for part in ["kube-controller-manager", "kube-scheduler"] {
        let user = pki.client(part, &format!("system:{part}"), None)?;
        kubeconfig::write(
            &building.layout.kubeconfig_of(part),
            &addresses.url(),
            &authority,
            &user,
        )?;
        let mut command = building.program(part);
        command.arg(prefixed("--kubeconfig=", &building.layout.kubeconfig_of(part)));
        command.args(["--leader-elect=false", "--secure-port=0"]);
        // The default makes each start wait for seconds, and is for clusters that share an API server with others.
        command.args(["--kube-api-qps=1000", "--kube-api-burst=1000"]);
        if part == "kube-controller-manager" {
            command.arg("--use-service-account-credentials=true");
            command.arg(prefixed("--service-account-private-key-file=", &tokens.key));
            command.arg(prefixed("--root-ca-file=", &authority.certificate));
            command.arg(prefixed("--cluster-signing-cert-file=", &authority.certificate));
            command.arg(prefixed("--cluster-signing-key-file=", &authority.key));
            if building.options.level == Level::Node {
                command.args(["--allocate-node-cidrs=true", "--configure-cloud-routes=false"]);
                command.arg(format!("--cluster-cidr={}", net::PODS));
                command.arg(format!("--service-cluster-ip-range={}", net::SERVICES));
            }
        }
        building.start(part, &command)?;
    }
    Ok(())
}
