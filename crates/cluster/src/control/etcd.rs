//! etcd: one member, for the API server alone.

use super::Addresses;
use crate::{ClusterError, building::Building, pki::Pki, process::prefixed};

/// Starts it. It does not wait for the disk: a cluster that a power cut would lose is made anew.
pub(super) fn start(building: &mut Building<'_>, addresses: &Addresses, pki: &Pki) -> Result<(), ClusterError> {
    let Addresses {
        own,
        etcd_port,
        etcd_peer_port,
        ..
    } = addresses;
    let pair = pki.server("etcd", &["localhost"], &[(*own).into()])?;
    let authority = pki.authority().certificate;
    let (clients, peers) = (
        format!("https://{own}:{etcd_port}"),
        format!("https://{own}:{etcd_peer_port}"),
    );
    let mut etcd = building.program("etcd");
    etcd.args(["--name=default", "--unsafe-no-fsync", "--log-level=warn"]);
    etcd.arg(prefixed("--data-dir=", &building.layout.path("etcd")));
    etcd.arg(format!("--listen-client-urls={clients}"))
        .arg(format!("--advertise-client-urls={clients}"));
    etcd.arg(format!("--listen-peer-urls={peers}"))
        .arg(format!("--initial-advertise-peer-urls={peers}"));
    etcd.arg(format!("--initial-cluster=default={peers}"));
    // Who may read etcd is the cluster's administrator, so other users of this machine may not.
    for prefix in ["--", "--peer-"] {
        etcd.arg(prefixed(&format!("{prefix}trusted-ca-file="), &authority));
        etcd.arg(prefixed(&format!("{prefix}cert-file="), &pair.certificate));
        etcd.arg(prefixed(&format!("{prefix}key-file="), &pair.key));
        etcd.arg(format!("{prefix}client-cert-auth=true"));
    }
    building.start("etcd", &etcd).map(drop)
}
