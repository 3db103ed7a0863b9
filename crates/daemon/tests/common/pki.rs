//! Real authorities and certificates in a directory that is removed at the end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use flow_daemon::tls::{ReloadingTls, TlsFiles};
use flow_pki::{Ca, Request, Role};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, SanType};
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use time::OffsetDateTime;

const DAY: Duration = Duration::from_secs(86_400);

pub struct Pki {
    pub dir: tempfile::TempDir,
    pub ca: Ca,
}

impl Pki {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ca = Ca::create("test authority", DAY).unwrap();
        ca.save(dir.path()).unwrap();
        Self { dir, ca }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn files(&self, stem: &str) -> TlsFiles {
        TlsFiles {
            cert: self.path().join(format!("{stem}.crt")),
            key: self.path().join(format!("{stem}.key")),
            ca: self.path().join("ca.crt"),
        }
    }

    /// Writes (again) a certificate for the server at localhost, and names its files.
    pub fn server(&self) -> TlsFiles {
        let role = Role::Server {
            dns_names: vec!["localhost".into()],
            ips: vec!["127.0.0.1".parse().unwrap()],
        };
        self.issue(role, "server")
    }

    /// Writes a certificate for a party, and names its files.
    pub fn party(&self, name: &str) -> TlsFiles {
        let role = Role::Party {
            name: name.parse().unwrap(),
        };
        self.issue(role, name)
    }

    fn issue(&self, role: Role, stem: &str) -> TlsFiles {
        let request = Request { role, validity: DAY };
        self.ca.issue(&request).unwrap().save(self.path(), stem, true).unwrap();
        self.files(stem)
    }

    /// Writes a certificate such as the authority would never issue, but has signed all the same.
    pub fn odd(&self, stem: &str, change: impl FnOnce(&mut CertificateParams)) -> TlsFiles {
        let key = KeyPair::from_pem(&std::fs::read_to_string(self.path().join("ca.key")).unwrap()).unwrap();
        let issuer = Issuer::from_ca_cert_pem(self.ca.certificate_pem(), key).unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        params.not_after = OffsetDateTime::now_utc() + DAY;
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let files = self.files(stem);
        std::fs::write(&files.cert, certificate.pem()).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
        files
    }

    /// A party's certificate whose time is over.
    pub fn expired(&self) -> TlsFiles {
        self.odd("expired", |params| {
            params.not_after = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
            params.subject_alt_names.push(uri("spiffe://iflearner-flow/party/a"));
        })
    }

    pub fn tls(&self, files: TlsFiles) -> Arc<ReloadingTls> {
        ReloadingTls::load(files).unwrap()
    }
}

pub fn uri(uri: &str) -> SanType {
    SanType::URI(uri.try_into().unwrap())
}

/// A client that believes the authority and shows the certificate, checked by nobody; or none.
pub fn careless_client(ca: &Path, own: Option<&TlsFiles>) -> Arc<ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some(files) => {
            let certificate = CertificateDer::from_pem_file(&files.cert).unwrap();
            let key = PrivateKeyDer::from_pem_file(&files.key).unwrap();
            builder.with_client_auth_cert(vec![certificate], key).unwrap()
        }
    };
    Arc::new(config)
}
