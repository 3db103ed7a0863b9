//! What every cluster has: etcd, the API server, the controller manager and the scheduler.

mod apiserver;
mod controllers;
mod etcd;

use std::{
    net::{IpAddr, Ipv4Addr, TcpListener},
    time::Duration,
};

use crate::{ClusterError, Level, building::Building, command, kubeconfig, node::net, pki::Pki};

/// On two busy cores it is some ten seconds.
const READY: Duration = Duration::from_secs(180);

/// Where the control plane listens.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    /// For its own parts.
    pub(crate) own: Ipv4Addr,
    /// For clients.
    pub(crate) api: Ipv4Addr,
    pub(crate) api_port: u16,
    pub(crate) etcd_port: u16,
    pub(crate) etcd_peer_port: u16,
}

impl Addresses {
    /// A node has a network of its own, so nothing is taken there. Otherwise each cluster gets a loopback address of its
    /// own: no other cluster, and no connection that happens to come by, can take a port of it in between.
    pub(crate) fn choose(level: Level) -> Result<Self, ClusterError> {
        if level == Level::Node {
            let (own, api) = (Ipv4Addr::LOCALHOST, net::NODE);
            return Ok(Self {
                own,
                api,
                api_port: 6443,
                etcd_port: 2379,
                etcd_peer_port: 2380,
            });
        }
        let [a, b, c] = random();
        let own = Ipv4Addr::new(127, 1 + a % 254, b, 1 + c % 254);
        // All are held until all are chosen, so that they differ.
        let held: Vec<TcpListener> = (0..3)
            .map(|_| TcpListener::bind((own, 0)))
            .collect::<Result<_, _>>()
            .map_err(ClusterError::file("listen at", own.to_string()))?;
        let ports: Vec<u16> = held
            .iter()
            .map(|listener| Ok(listener.local_addr()?.port()))
            .collect::<Result<_, _>>()
            .map_err(ClusterError::file("listen at", own.to_string()))?;
        Ok(Self {
            own,
            api: own,
            api_port: ports[0],
            etcd_port: ports[1],
            etcd_peer_port: ports[2],
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}:{}", self.api, self.api_port)
    }
}

/// Brings it up; the API server is ready when this returns.
pub(crate) fn up(building: &mut Building<'_>, addresses: &Addresses, pki: &Pki) -> Result<(), ClusterError> {
    let own = [
        IpAddr::from(addresses.own),
        IpAddr::from(addresses.api),
        net::API_SERVICE.into(),
    ];
    let names = [
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ];
    let server = pki.server("apiserver", &names, &own)?;
    let admin = pki.client("admin", "admin", Some("system:masters"))?;
    kubeconfig::write(
        &building.layout.kubeconfig(),
        &addresses.url(),
        &pki.authority(),
        &admin,
    )?;
    let tokens = pki.token_key()?;
    etcd::start(building, addresses, pki)?;
    apiserver::start(building, addresses, pki, &server, &tokens)?;
    building.until(READY, "the API server is ready", |building| {
        command::succeeds(
            building.kubectl().args(["get", "--raw", "/readyz"]),
            Duration::from_secs(10),
        )
    })?;
    controllers::start(building, addresses, pki, &tokens)
}

/// Waits for what pods in the default namespace need; the controller manager makes it.
pub(crate) fn await_default_account(building: &mut Building<'_>) -> Result<(), ClusterError> {
    building.until(READY, "the default service account is there", |building| {
        let mut get = building.kubectl();
        command::succeeds(get.args(["get", "serviceaccount", "default"]), Duration::from_secs(10))
    })
}

/// From the hasher's keys, which the standard library draws anew.
fn random() -> [u8; 3] {
    use std::hash::{BuildHasher, RandomState};
    let bits = RandomState::new().hash_one(std::process::id()).to_le_bytes();
    [bits[0], bits[1], bits[2]]
}
