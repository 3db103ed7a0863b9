//! The authority's certificates, judged by the verifiers that rustls uses in the handshake.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use flow_pki::{Ca, Identity, Issued, PkiError, Request, Role, identity, identity_in};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use x509_parser::parse_x509_certificate;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn ca() -> Ca {
    Ca::create("test authority", 10 * DAY).unwrap()
}

fn party(name: &str) -> Request {
    Request {
        role: Role::Party {
            name: name.parse().unwrap(),
        },
        validity: DAY,
    }
}

fn server() -> Request {
    Request {
        role: Role::Server {
            dns_names: vec!["flow.example.com".into(), "*.flow.example.com".into()],
            ips: vec!["127.0.0.1".parse().unwrap()],
        },
        validity: DAY,
    }
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn roots(ca_pem: &str) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(der(ca_pem)).unwrap();
    Arc::new(roots)
}

fn as_client(issued: &Issued, ca_pem: &str) -> Result<(), rustls::Error> {
    let provider = Arc::new(default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots(ca_pem), provider).build();
    let certificate = der(&issued.cert_pem);
    let verified = verifier.unwrap().verify_client_cert(&certificate, &[], UnixTime::now());
    verified.map(|_| ())
}

fn as_server(issued: &Issued, ca_pem: &str, name: &str) -> Result<(), rustls::Error> {
    let provider = Arc::new(default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(roots(ca_pem), provider).build();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let certificate = der(&issued.cert_pem);
    let now = UnixTime::now();
    let verified = verifier.unwrap().verify_server_cert(&certificate, &[], &name, &[], now);
    verified.map(|_| ())
}

#[test]
fn a_party_certificate_is_for_a_client_and_names_the_party() {
    let ca = ca();
    let issued = ca.issue(&party("hospital-a")).unwrap();
    let expected = Identity::Party("hospital-a".parse().unwrap());
    assert_eq!(identity(&der(&issued.cert_pem)), Ok(expected));
    as_client(&issued, ca.certificate_pem()).unwrap();
    assert!(as_server(&issued, ca.certificate_pem(), "hospital-a").is_err());
}

#[test]
fn a_server_certificate_is_for_a_server_under_its_names_only() {
    let ca = ca();
    let issued = ca.issue(&server()).unwrap();
    assert_eq!(identity(&der(&issued.cert_pem)), Ok(Identity::Server));
    for name in ["flow.example.com", "a.flow.example.com", "127.0.0.1"] {
        as_server(&issued, ca.certificate_pem(), name).unwrap();
    }
    for name in ["example.com", "127.0.0.2"] {
        assert!(as_server(&issued, ca.certificate_pem(), name).is_err(), "{name}");
    }
    // Servers on one database ask each other. Whoever they call knows them for servers, by the identity.
    as_client(&issued, ca.certificate_pem()).unwrap();
}

#[test]
fn another_authority_with_the_same_subject_is_not_believed() {
    let issued = ca().issue(&party("a")).unwrap();
    assert!(as_client(&issued, ca().certificate_pem()).is_err());
}

#[test]
fn certificates_start_early_differ_in_serial_and_end_with_the_authority() {
    let ca = Ca::create("short", DAY).unwrap();
    let mut request = party("a");
    request.validity = 30 * DAY;
    let issued = [ca.issue(&request).unwrap(), ca.issue(&request).unwrap()];
    let ders = issued.each_ref().map(|issued| der(&issued.cert_pem));
    let parsed = ders.each_ref().map(|der| parse_x509_certificate(der).unwrap().1);
    assert_ne!(parsed[0].raw_serial(), parsed[1].raw_serial());
    assert_eq!(parsed[0].raw_serial().len(), 16);
    assert_eq!(issued[0].not_after, ca.not_after());
    let age = time::OffsetDateTime::now_utc() - parsed[0].validity().not_before.to_datetime();
    assert!((295..=600).contains(&age.whole_seconds()), "{age}");
}

#[test]
fn an_authority_survives_saving_and_loading() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("deeper/pki");
    let domain: flow_pki::TrustDomain = "trial.example".parse().unwrap();
    let made = Ca::create_in(domain.clone(), "test authority", DAY).unwrap();
    made.save(&dir).unwrap();
    assert_eq!(mode(&dir.join("ca.key")), 0o600);

    let loaded = Ca::load(&dir).unwrap();
    assert_eq!(loaded.trust_domain(), &domain);
    let issued = loaded.issue(&party("a")).unwrap();
    as_client(&issued, made.certificate_pem()).unwrap();
    assert!(identity(&der(&issued.cert_pem)).is_err());
    identity_in(&der(&issued.cert_pem), &domain).unwrap();
}

#[test]
fn an_authority_is_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    ca().save(dir.path()).unwrap();
    let before = std::fs::read(dir.path().join("ca.key")).unwrap();
    for missing in ["ca.crt", "none"] {
        let _ = std::fs::remove_file(dir.path().join(missing));
        let refused = ca().save(dir.path());
        assert!(matches!(refused, Err(PkiError::AuthorityExists(_))));
    }
    assert_eq!(std::fs::read(dir.path().join("ca.key")).unwrap(), before);
}

#[test]
fn broken_authorities_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let refusal = || Ca::load(dir.path()).unwrap_err().to_string();
    assert!(refusal().contains("ca.crt"));

    let ca = ca();
    ca.save(dir.path()).unwrap();
    let other = self::ca().issue(&party("a")).unwrap();
    std::fs::write(path("ca.key"), &other.key_pem).unwrap();
    assert!(refusal().contains("belongs to another certificate"));
    std::fs::write(path("ca.key"), "not a key").unwrap();
    assert!(refusal().contains("no private key"));
    std::fs::write(path("ca.key"), &other.key_pem).unwrap();
    std::fs::write(path("ca.crt"), &other.cert_pem).unwrap();
    assert!(refusal().contains("may not sign"));
    std::fs::write(path("ca.crt"), "-----BEGIN CERTIFICATE-----\nAAAA\n").unwrap();
    assert!(refusal().contains("no PEM certificate"));
}

#[test]
fn issued_files_are_private_and_replaced_only_by_force() {
    let dir = tempfile::tempdir().unwrap();
    let ca = ca();
    let (first, second) = (ca.issue(&server()).unwrap(), ca.issue(&server()).unwrap());
    first.save(dir.path(), "server", false).unwrap();
    let key = dir.path().join("server.key");
    assert_eq!(mode(&key), 0o600);

    let refused = second.save(dir.path(), "server", false);
    assert!(matches!(refused, Err(PkiError::Exists(path)) if path == key));
    assert_eq!(std::fs::read_to_string(&key).unwrap(), first.key_pem);

    second.save(dir.path(), "server", true).unwrap();
    assert_eq!(std::fs::read_to_string(&key).unwrap(), second.key_pem);
    assert_eq!(mode(&key), 0o600);
    assert!(second.save(dir.path(), "../server", true).is_err());
}

#[test]
fn a_members_copy_of_the_authority_is_kept_unless_it_differs() {
    let dir = tempfile::tempdir().unwrap();
    let issued = ca().issue(&party("a")).unwrap();
    issued.save_ca(dir.path(), false).unwrap();
    issued.save_ca(dir.path(), false).unwrap();
    let stranger = ca().issue(&party("a")).unwrap();
    assert!(matches!(stranger.save_ca(dir.path(), false), Err(PkiError::Exists(_))));
    stranger.save_ca(dir.path(), true).unwrap();
    let found = std::fs::read_to_string(dir.path().join("ca.crt")).unwrap();
    assert_eq!(found, stranger.chain);
}

#[test]
fn impossible_requests_are_refused() {
    let ca = ca();
    let names = |dns_names: &[&str]| Request {
        role: Role::Server {
            dns_names: dns_names.iter().map(|name| (*name).to_owned()).collect(),
            ips: Vec::new(),
        },
        validity: DAY,
    };
    for bad in [&[][..], &[""], &["a b"], &["*"], &["10.0.0.1"], &["a..b"], &["a.*.b"]] {
        let refused = ca.issue(&names(bad));
        assert!(matches!(refused, Err(PkiError::Request(_))), "{bad:?}");
    }
    let lasting = |validity| Request { validity, ..party("a") };
    assert!(matches!(ca.issue(&lasting(Duration::ZERO)), Err(PkiError::Request(_))));
    assert!(matches!(ca.issue(&lasting(Duration::MAX)), Err(PkiError::Request(_))));
    assert!(Ca::create(" ", DAY).is_err());
}

#[test]
fn no_key_is_shown_in_debug_output() {
    let ca = ca();
    let issued = ca.issue(&party("a")).unwrap();
    assert!(!format!("{issued:?}{ca:?}").contains("PRIVATE"));
}

fn mode(path: &std::path::Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
