//! Names: those of the cluster, and those under the domain.

use std::time::Duration;

use super::{containers::shown, http, net, template};
use crate::{ClusterError, building::Building, kubeconfig, pki::Pki};

/// As in the Corefile.
const READY_PORT: u16 = 8181;

const READY: Duration = Duration::from_secs(60);

/// Starts CoreDNS.
pub(super) fn start(building: &mut Building<'_>, pki: &Pki) -> Result<(), ClusterError> {
    let layout = building.layout.clone();
    let user = pki.client("coredns", "coredns", Some("system:masters"))?;
    let kubeconfig = layout.kubeconfig_of("coredns");
    kubeconfig::write(&kubeconfig, &building.state.api_server, &pki.authority(), &user)?;
    let domain = &building.options.domain;
    let values = [
        ("dir", shown(layout.dir())?),
        ("node", &net::NODE.to_string()),
        ("domain", domain),
        ("domain_regex", &domain.replace('.', "\\.")),
    ];
    let config = layout.path("Corefile");
    template::write(&config, include_str!("templates/Corefile"), &values)?;
    let mut coredns = building.program("coredns");
    coredns.arg("-conf").arg(config);
    building.start("coredns", &coredns).map(drop)
}

/// Waits until it answers, with the services known.
pub(super) fn await_ready(building: &mut Building<'_>) -> Result<(), ClusterError> {
    building.until(READY, "names resolve", |_| http::is_ok(READY_PORT, "/ready"))
}

/// That it is a domain name.
pub(crate) fn check_domain(domain: &str) -> Result<(), ClusterError> {
    let is_label = |label: &str| {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if domain.len() <= 200 && domain.split('.').all(is_label) {
        return Ok(());
    }
    Err(ClusterError::Option {
        what: format!("the domain {domain:?}"),
        why: "it must be lower-case labels of letters, digits and hyphens, with dots between them",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_checked() {
        for domain in ["iflearner.com", "a", "x-1.test"] {
            check_domain(domain).unwrap();
        }
        for domain in ["", ".", "a..b", "-a.b", "A.b", "a b", "a.b.", "a\n}", &"a.".repeat(150)] {
            assert!(check_domain(domain).is_err(), "{domain}");
        }
    }
}
