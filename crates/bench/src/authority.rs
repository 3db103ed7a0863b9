//! The certificates of one measurement: one for the server, and one for each party as in a real deployment.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use flow_daemon::tls::{ReloadingTls, TlsFiles};
use flow_pki::{Ca, Issued, Request, Role};

use crate::Outcome;

const VALID: Duration = Duration::from_secs(24 * 3600);

/// The address that the server's certificate is for.
pub(crate) const SERVER: &str = "127.0.0.1";

/// A certificate authority and a folder for what it issues.
#[derive(Debug)]
pub(crate) struct Authority {
    ca: Ca,
    folder: PathBuf,
}

impl Authority {
    /// A new one in that folder.
    pub(crate) fn new(folder: PathBuf) -> Outcome<Self> {
        let ca = Ca::create("flow-bench", VALID)?;
        fs::write(folder.join("ca.crt"), ca.certificate_pem())?;
        Ok(Self { ca, folder })
    }

    /// The server's.
    pub(crate) fn server(&self) -> Outcome<TlsFiles> {
        self.issue(
            "server",
            Role::Server {
                dns_names: Vec::new(),
                ips: vec![SERVER.parse()?],
            },
        )
    }

    /// A party's, ready to connect with.
    pub(crate) fn party(&self, name: &str) -> Outcome<Arc<ReloadingTls>> {
        let files = self.issue(name, Role::Party { name: name.parse()? })?;
        Ok(ReloadingTls::load(files)?)
    }

    /// Thousands are written: not one by one to the disk, as a real authority does.
    fn issue(&self, stem: &str, role: Role) -> Outcome<TlsFiles> {
        let Issued { cert_pem, key_pem, .. } = self.ca.issue(&Request { role, validity: VALID })?;
        let file = |ending: &str| Path::new(&self.folder).join(format!("{stem}.{ending}"));
        let files = TlsFiles {
            cert: file("crt"),
            key: file("key"),
            ca: self.folder.join("ca.crt"),
        };
        fs::write(&files.cert, cert_pem)?;
        fs::write(&files.key, key_pem)?;
        Ok(files)
    }
}
