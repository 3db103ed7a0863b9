//! Who a certificate speaks for.

use std::fmt;

use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::{IdentityError, PartyName, TrustDomain};

/// The holder of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The coordinating server.
    Server,
    /// A party's agent.
    Party(PartyName),
}

impl Identity {
    /// The identity as the URI that a certificate carries.
    pub fn uri(&self, trust_domain: &TrustDomain) -> String {
        format!("spiffe://{trust_domain}/{self}")
    }

    /// The party's name, if this is a party.
    pub fn party(&self) -> Option<&PartyName> {
        match self {
            Self::Server => None,
            Self::Party(name) => Some(name),
        }
    }
}

/// `server` or `party/<name>`.
impl fmt::Display for Identity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => out.write_str("server"),
            Self::Party(name) => write!(out, "party/{name}"),
        }
    }
}

/// The identity in a DER certificate of the default trust domain. See [`identity_in`].
///
/// # Errors
/// As [`identity_in`].
pub fn identity(der: &[u8]) -> Result<Identity, IdentityError> {
    identity_in(der, &TrustDomain::default())
}

/// The identity in a DER certificate.
///
/// This reads, it does not verify: call it only with a certificate whose signature, time and usage
/// TLS has checked against the federation's authority.
///
/// # Errors
/// When the certificate has anything but exactly one URI subject alternative name, and that one an
/// identity of `trust_domain`.
pub fn identity_in(der: &[u8], trust_domain: &TrustDomain) -> Result<Identity, IdentityError> {
    let malformed = |err: &dyn fmt::Display| IdentityError::Malformed(err.to_string());
    let (_, certificate) = X509Certificate::from_der(der).map_err(|err| malformed(&err))?;
    if certificate.is_ca() {
        return Err(IdentityError::Authority);
    }
    let names = certificate.subject_alternative_name().map_err(|err| malformed(&err))?;
    let uris: Vec<&str> = names
        .iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(|name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        })
        .collect();
    match uris.as_slice() {
        [] => Err(IdentityError::Missing),
        [uri] => parse(uri, trust_domain),
        more => Err(IdentityError::Ambiguous(more.len())),
    }
}

/// The trust domain of an authority's certificate: the SPIFFE id without a path.
pub(crate) fn authority_domain(certificate: &X509Certificate<'_>) -> Option<TrustDomain> {
    let names = certificate.subject_alternative_name().ok()??;
    names.value.general_names.iter().find_map(|name| match name {
        GeneralName::URI(uri) => uri.strip_prefix("spiffe://")?.parse().ok(),
        _ => None,
    })
}

fn parse(uri: &str, trust_domain: &TrustDomain) -> Result<Identity, IdentityError> {
    let rest = uri
        .strip_prefix("spiffe://")
        .ok_or_else(|| IdentityError::NotSpiffe(shortened(uri)))?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority != trust_domain.as_str() {
        return Err(IdentityError::TrustDomain {
            found: shortened(authority),
            expected: trust_domain.to_string(),
        });
    }
    match path.split_once('/') {
        None if path == "server" => Ok(Identity::Server),
        Some(("party", name)) => Ok(Identity::Party(name.parse()?)),
        _ => Err(IdentityError::Path(shortened(path))),
    }
}

/// Enough of a stranger's text to recognise it by in a log.
fn shortened(text: &str) -> String {
    text.chars().take(120).collect()
}
