//! What can go wrong with authorities, certificates and names.

use std::path::PathBuf;

use time::OffsetDateTime;

/// A name that breaks the rules of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {text:?} is not valid: {why}")]
pub struct NameError {
    kind: &'static str,
    text: String,
    why: &'static str,
}

impl NameError {
    pub(crate) fn new(kind: &'static str, text: &str, why: &'static str) -> Self {
        // A hostile certificate may carry a name of any length; the message need not.
        let text = text.chars().take(80).collect();
        Self { kind, text, why }
    }
}

/// Why a certificate says nothing about who holds it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The bytes are no X.509 certificate.
    #[error("the certificate cannot be parsed: {0}")]
    Malformed(String),
    /// It may sign other certificates, so it is nobody's own.
    #[error("the certificate is a certificate authority's, not a server's or a party's")]
    Authority,
    /// There is no URI subject alternative name at all.
    #[error("the certificate has no URI subject alternative name, so it carries no identity")]
    Missing,
    /// There is more than one, so which of them speaks is undecided.
    #[error("the certificate has {0} URI subject alternative names; exactly one is allowed")]
    Ambiguous(usize),
    /// The URI is of another scheme.
    #[error("the certificate's URI {0:?} is not a spiffe:// id")]
    NotSpiffe(String),
    /// It belongs to another federation.
    #[error("the certificate belongs to trust domain {found:?}, not to {expected:?}")]
    TrustDomain {
        /// What the certificate says.
        found: String,
        /// What this side belongs to.
        expected: String,
    },
    /// The path is neither `/server` nor `/party/<name>`.
    #[error("the certificate's identity path {0:?} is neither /server nor /party/<name>")]
    Path(String),
    /// The party's name is no DNS label.
    #[error("the certificate's identity is not usable")]
    Name(#[from] NameError),
}

/// Why an authority or a certificate could not be made, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PkiError {
    /// An authority is already there; replacing it would cut every party off.
    #[error(
        "a certificate authority already exists at {0}: it is never overwritten; choose another directory, or move the old one away"
    )]
    AuthorityExists(PathBuf),
    /// A certificate or key is already there and `force` was not given.
    #[error("{0} already exists: choose another directory, or force to replace it")]
    Exists(PathBuf),
    /// A file could not be read or written.
    #[error("cannot {action} {path}")]
    File {
        /// `read`, `write` or `create`.
        action: &'static str,
        /// Which file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The authority's files do not make an authority.
    #[error("the certificate authority at {path} is not usable: {why}")]
    Unusable {
        /// The certificate or key file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The authority has come to its end, so nothing it signs would be accepted.
    #[error("the certificate authority expired at {0}: create a new one")]
    AuthorityExpired(OffsetDateTime),
    /// The request asks for something that no certificate can be.
    #[error("the certificate request is not valid: {0}")]
    Request(String),
    /// Making the key or the signature failed.
    #[error("cannot make the certificate")]
    Generate(#[from] rcgen::Error),
}
