//! The certificates of a stack: an authority that stays, and fresh certificates at every start.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    time::Duration,
};

use flow_daemon::tls::TlsFiles;
use flow_domain::PartyId;
use flow_pki::{Ca, Request, Role};

use crate::{
    Failure,
    commands::pki::{AUTHORITY_LIFE, SUBJECT, failed},
};

/// No stack is up for longer without a restart.
const LIFE: Duration = Duration::from_secs(365 * 86_400);
/// The name that agents know the server by.
pub(super) const SERVER: &str = "localhost";

/// Where the certificates are.
pub(super) struct Certificates(PathBuf);

impl Certificates {
    /// The files of the server, or of a party.
    pub(super) fn files(&self, name: &str) -> TlsFiles {
        TlsFiles {
            cert: self.0.join(format!("{name}.crt")),
            key: self.0.join(format!("{name}.key")),
            ca: self.0.join("ca.crt"),
        }
    }
}

/// Makes the authority where there is none yet, and certificates for the server and all parties.
pub(super) fn make(dir: &Path, parties: &[PartyId]) -> Result<Certificates, Failure> {
    let authority = if dir.join("ca.crt").exists() {
        Ca::load(dir).map_err(failed)?
    } else {
        let authority = Ca::create(SUBJECT, AUTHORITY_LIFE).map_err(failed)?;
        authority.save(dir).map_err(failed)?;
        authority
    };
    let issue = |role: Role, stem: &str| {
        let request = Request { role, validity: LIFE };
        authority
            .issue(&request)
            .and_then(|issued| issued.save(dir, stem, true))
            .map_err(failed)
    };
    let server = Role::Server {
        dns_names: vec![SERVER.to_owned()],
        ips: vec![Ipv4Addr::LOCALHOST.into()],
    };
    issue(server, "server")?;
    for party in parties {
        let name = party.as_str().parse().map_err(|error: flow_pki::NameError| {
            Failure::internal(format!("'{party}' cannot be certified")).because(error)
        })?;
        issue(Role::Party { name }, party.as_str())?;
    }
    Ok(Certificates(dir.to_owned()))
}
