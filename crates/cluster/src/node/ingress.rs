//! Contour and Envoy: what lets requests in, by Ingress and by Gateway API on the same ports.

use std::{path::Path, process::Command, time::Duration};

use super::{http, net, template};
use crate::{ClusterError, building::Building, kubeconfig, pki::Pki, process::prefixed};

const READY: Duration = Duration::from_secs(120);

/// What clients connect to, and where Envoy listens: Contour adds 8000 to a Gateway's ports.
const PORTS: [(u16, u16); 2] = [(80, 8080), (443, 8443)];

const XDS_PORT: u16 = 8001;
const HEALTH_PORT: u16 = 8000;
const STATS_PORT: u16 = 8002;

/// Applies what Contour watches.
pub(super) fn apply(building: &Building<'_>) -> Result<(), ClusterError> {
    let objects = building.layout.path("ingress.yaml");
    let values = [("domain", building.options.domain.as_str())];
    template::write(&objects, include_str!("templates/ingress.yaml"), &values)?;
    let definitions = ["gateway-api-crds.yaml", "contour-crds.yaml"].map(|name| building.binaries.path(name));
    let apply = |files: &[&Path]| {
        let mut kubectl = building.kubectl();
        kubectl.args(["apply", "--server-side", "--force-conflicts"]);
        files.iter().for_each(|file| {
            kubectl.arg("--filename").arg(file);
        });
        building.run(&mut kubectl)
    };
    apply(&definitions.each_ref().map(AsRef::as_ref))?;
    let mut wait = building.kubectl();
    wait.args([
        "wait",
        "--for=condition=Established",
        "--timeout=60s",
        "customresourcedefinition",
        "--all",
    ]);
    building.run(&mut wait)?;
    apply(&[&objects]).map(drop)
}

/// Starts both.
pub(super) fn start(building: &mut Building<'_>, pki: &Pki) -> Result<(), ClusterError> {
    let layout = building.layout.clone();
    let authority = pki.authority();
    // What goes over this has the keys of all ingresses in it. Envoy expects this name.
    let server = pki.server("contour", &["contour"], &[])?;
    let client = pki.server("envoy", &["envoy"], &[])?;
    let admin = pki.client("contour-client", "contour", Some("system:masters"))?;
    let kubeconfig = layout.kubeconfig_of("contour");
    kubeconfig::write(&kubeconfig, &building.state.api_server, &authority, &admin)?;
    let config = layout.path("contour.yaml");
    crate::pki::write(&config, include_str!("templates/contour.yaml"))?;

    let mut contour = building.program("contour");
    contour
        .arg("serve")
        .arg(prefixed("--config-path=", &config))
        .arg(prefixed("--kubeconfig=", &kubeconfig));
    contour.arg(prefixed("--contour-cafile=", &authority.certificate));
    contour.arg(prefixed("--contour-cert-file=", &server.certificate));
    contour.arg(prefixed("--contour-key-file=", &server.key));
    contour
        .arg("--xds-address=127.0.0.1")
        .arg(format!("--xds-port={XDS_PORT}"));
    contour
        .arg(format!("--http-address={}", net::NODE))
        .arg(format!("--http-port={HEALTH_PORT}"));
    contour
        .arg(format!("--health-address={}", net::NODE))
        .arg(format!("--health-port={HEALTH_PORT}"));
    contour
        .arg(format!("--stats-address={}", net::NODE))
        .arg(format!("--stats-port={STATS_PORT}"));
    contour
        .arg(format!("--ingress-status-address={}", net::NODE))
        .arg("--disable-leader-election");
    // These are not in Gateway API's standard channel.
    for feature in ["tlsroutes", "tcproutes", "backendtlspolicies"] {
        contour.arg(format!("--disable-feature={feature}"));
    }
    building.start("contour", &contour)?;

    let bootstrap = layout.path("envoy.json");
    let mut make = building.program("contour");
    make.arg("bootstrap")
        .arg(&bootstrap)
        .arg("--xds-address=127.0.0.1")
        .arg(format!("--xds-port={XDS_PORT}"));
    make.arg(prefixed("--admin-address=", &layout.path("envoy.sock")));
    make.arg(prefixed("--envoy-cafile=", &authority.certificate));
    make.arg(prefixed("--envoy-cert-file=", &client.certificate));
    make.arg(prefixed("--envoy-key-file=", &client.key));
    building.run(&mut make)?;

    // This build of Envoy ends when its parent does, which is not to be whoever brings the cluster up.
    let mut envoy = Command::new("sh");
    envoy
        .args(["-c", "\"$@\"; exit $?", "sh"])
        .arg(building.binaries.path("envoy"));
    envoy.arg("--config-path").arg(&bootstrap);
    envoy.args(["--service-node", "flow-node", "--service-cluster", "projectcontour"]);
    // A hot restart would need shared memory of the machine.
    envoy.args(["--log-level", "warning", "--disable-hot-restart", "--concurrency", "2"]);
    building.start("envoy", &envoy)?;
    redirect(building)
}

/// Waits until both answer.
pub(super) fn await_ready(building: &mut Building<'_>) -> Result<(), ClusterError> {
    building.until(READY, "the ingress is ready", |_| {
        http::is_ok(HEALTH_PORT, "/healthz") && http::is_ok(STATS_PORT, "/ready")
    })
}

/// Leads the well-known ports to Envoy's, from the machine, from pods, and from the node itself.
fn redirect(building: &Building<'_>) -> Result<(), ClusterError> {
    for (port, to) in PORTS {
        for chain in ["PREROUTING", "OUTPUT"] {
            let mut iptables = net::enter();
            iptables.args(["iptables", "--wait", "--table", "nat", "--append", chain]);
            iptables
                .arg("--destination")
                .arg(net::NODE.to_string())
                .args(["--protocol", "tcp"]);
            iptables.arg("--dport").arg(port.to_string());
            iptables.args(["--jump", "REDIRECT", "--to-ports"]).arg(to.to_string());
            building.run(&mut iptables)?;
        }
    }
    Ok(())
}
