//! The API server, with what is on by default and the admission that kubeadm's has.

use super::Addresses;
use crate::{
    ClusterError, Level,
    building::Building,
    node::net,
    pki::{Pair, Pki},
    process::prefixed,
};

/// Starts it.
pub(super) fn start(
    building: &mut Building<'_>,
    addresses: &Addresses,
    pki: &Pki,
    server: &Pair,
    tokens: &Pair,
) -> Result<(), ClusterError> {
    let authority = pki.authority().certificate;
    let kubelet_client = pki.client(
        "apiserver-kubelet",
        "kube-apiserver-kubelet-client",
        Some("system:masters"),
    )?;
    let proxy_client = pki.client("front-proxy", "front-proxy-client", None)?;
    let etcd_client = pki.client("etcd-client", "kube-apiserver-etcd-client", None)?;

    let mut apiserver = building.program("kube-apiserver");
    apiserver.arg(format!(
        "--etcd-servers=https://{}:{}",
        addresses.own, addresses.etcd_port
    ));
    apiserver.arg(format!("--bind-address={}", addresses.api));
    apiserver.arg(format!("--advertise-address={}", addresses.api));
    apiserver.arg(format!("--secure-port={}", addresses.api_port));
    apiserver.arg(format!("--service-cluster-ip-range={}", net::SERVICES));
    if building.options.level == Level::Api {
        // A loopback address cannot be an endpoint, and nothing is there that would use it.
        apiserver.arg("--endpoint-reconciler-type=none");
    }
    apiserver.args([
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        "--enable-aggregator-routing=true",
        "--kubelet-preferred-address-types=InternalIP,Hostname",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    ]);
    for (flag, path) in [
        ("--etcd-cafile=", &authority),
        ("--etcd-certfile=", &etcd_client.certificate),
        ("--etcd-keyfile=", &etcd_client.key),
        ("--tls-cert-file=", &server.certificate),
        ("--tls-private-key-file=", &server.key),
        ("--client-ca-file=", &authority),
        ("--service-account-key-file=", &tokens.certificate),
        ("--service-account-signing-key-file=", &tokens.key),
        ("--kubelet-client-certificate=", &kubelet_client.certificate),
        ("--kubelet-client-key=", &kubelet_client.key),
        ("--kubelet-certificate-authority=", &authority),
        ("--proxy-client-cert-file=", &proxy_client.certificate),
        ("--proxy-client-key-file=", &proxy_client.key),
        ("--requestheader-client-ca-file=", &authority),
    ] {
        apiserver.arg(prefixed(flag, path));
    }
    building.start("kube-apiserver", &apiserver).map(drop)
}
