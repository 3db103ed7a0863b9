//! Which certificates carry an identity, and which are refused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use flow_pki::{Ca, Identity, IdentityError, PartyName, Request, Role, TrustDomain, identity};
use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, SanType};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

fn certificate(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let mut params = CertificateParams::default();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

fn with_uris(uris: &[&str]) -> Vec<u8> {
    let names = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap()));
    let names = names.collect();
    certificate(|params| params.subject_alt_names = names)
}

#[test]
fn a_certificate_without_a_uri_has_no_identity() {
    assert_eq!(identity(&with_uris(&[])), Err(IdentityError::Missing));
    let dns_only = certificate(|params| {
        let name = "server".try_into().unwrap();
        params.subject_alt_names = vec![SanType::DnsName(name)];
    });
    assert_eq!(identity(&dns_only), Err(IdentityError::Missing));
}

#[test]
fn a_second_uri_of_any_kind_makes_it_ambiguous() {
    let ours = "spiffe://iflearner-flow/party/a";
    for second in [ours, "spiffe://iflearner-flow/server", "https://example.com/"] {
        let refused = identity(&with_uris(&[ours, second]));
        assert_eq!(refused, Err(IdentityError::Ambiguous(2)), "{second}");
    }
}

#[test]
fn other_trust_domains_are_refused() {
    for domain in [
        "elsewhere",
        "",
        "iflearner-flow.example",
        "IFLEARNER-FLOW",
        "a@iflearner-flow",
    ] {
        let refused = identity(&with_uris(&[&format!("spiffe://{domain}/party/a")]));
        let wrong = matches!(&refused, Err(IdentityError::TrustDomain { found, .. }) if found == domain);
        assert!(wrong, "{domain}: {refused:?}");
    }
}

#[test]
fn only_the_two_paths_are_identities() {
    let paths = [
        "",
        "/",
        "/servers",
        "/server/",
        "/server/a",
        "/party",
        "/Party/a",
        "//party/a",
        "/server?a",
        "/server#a",
    ];
    for path in paths {
        let refused = identity(&with_uris(&[&format!("spiffe://iflearner-flow{path}")]));
        assert!(matches!(refused, Err(IdentityError::Path(_))), "{path}: {refused:?}");
    }
    let other_scheme = identity(&with_uris(&["https://iflearner-flow/server"]));
    assert!(matches!(other_scheme, Err(IdentityError::NotSpiffe(_))));
}

#[test]
fn bad_party_names_are_refused() {
    let long = "a".repeat(64);
    for name in ["", "A", "-a", "a-", "a_b", "a.b", "a/b", "%61", "a?b", "a b", &long] {
        let refused = identity(&with_uris(&[&format!("spiffe://iflearner-flow/party/{name}")]));
        assert!(matches!(refused, Err(IdentityError::Name(_))), "{name}: {refused:?}");
    }
}

#[test]
fn an_authority_is_nobody() {
    let authority = certificate(|params| {
        let uri = "spiffe://iflearner-flow/party/a".try_into().unwrap();
        params.subject_alt_names = vec![SanType::URI(uri)];
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    assert_eq!(identity(&authority), Err(IdentityError::Authority));
}

#[test]
fn trust_domains_are_checked() {
    for good in ["a", "iflearner-flow", "trial.example.com"] {
        assert!(good.parse::<TrustDomain>().is_ok(), "{good}");
    }
    for bad in ["", ".", "a..b", "A", "a/b", "a:1", "-a"] {
        assert!(bad.parse::<TrustDomain>().is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn every_good_name_comes_back_from_its_certificate(name in "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?") {
        let name: PartyName = name.parse().unwrap();
        let der = with_uris(&[&Identity::Party(name.clone()).uri(&TrustDomain::default())]);
        prop_assert_eq!(identity(&der), Ok(Identity::Party(name)));
    }

    #[test]
    fn names_are_accepted_exactly_when_they_are_labels(name in "[-a-zA-Z0-9._/é]{0,66}") {
        let bytes = name.as_bytes();
        let ends = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let label = (1..=63).contains(&bytes.len())
            && bytes.iter().all(|byte| ends(byte) || *byte == b'-')
            && bytes.first().is_some_and(ends)
            && bytes.last().is_some_and(ends);
        prop_assert_eq!(name.parse::<PartyName>().is_ok(), label);
    }

    #[test]
    fn bytes_of_any_kind_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(identity(&bytes).is_err());
    }

    #[test]
    fn a_damaged_certificate_never_panics_nor_becomes_the_server(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut der = sample().to_vec();
        for (at, byte) in &damage {
            let at = at.index(der.len());
            der[at] = *byte;
        }
        prop_assert_ne!(identity(&der), Ok(Identity::Server));
        prop_assert!(identity(&der[..cut.index(der.len())]).is_err());
    }
}

/// A real party's certificate, made once.
fn sample() -> &'static [u8] {
    static SAMPLE: std::sync::OnceLock<CertificateDer<'static>> = std::sync::OnceLock::new();
    SAMPLE.get_or_init(|| {
        let day = std::time::Duration::from_secs(86_400);
        let name = "hospital-a".parse().unwrap();
        let request = Request {
            role: Role::Party { name },
            validity: day,
        };
        let issued = Ca::create("test", day).unwrap().issue(&request).unwrap();
        CertificateDer::from_pem_slice(issued.cert_pem.as_bytes()).unwrap()
    })
}
