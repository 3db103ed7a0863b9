//! Why TLS files do not make a configuration.

use std::path::PathBuf;

use rustls::pki_types::pem;

/// A problem with a certificate, a key or an authority file; every message names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The file is missing or cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is too large to be what it is taken for.
    #[error("{0} is larger than 1 MiB, so it is no certificate or key file")]
    TooLarge(PathBuf),
    /// The PEM armour is damaged.
    #[error("{path} is not valid PEM")]
    Pem {
        /// Which file.
        path: PathBuf,
        /// Where it breaks.
        source: pem::Error,
    },
    /// There is no certificate in the file.
    #[error("{0} holds no certificate: a `-----BEGIN CERTIFICATE-----` block is needed")]
    NoCertificate(PathBuf),
    /// There is no private key in the file.
    #[error("{0} holds no private key: a `-----BEGIN PRIVATE KEY-----` block is needed")]
    NoKey(PathBuf),
    /// The certificate cannot be used.
    #[error("the certificate in {path} is not usable: {why}")]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The private key is of a kind that is not supported.
    #[error("the private key in {path} is not usable")]
    Key {
        /// Which file.
        path: PathBuf,
        /// What the cryptography library said.
        source: rustls::Error,
    },
    /// Certificate and key were not made for each other.
    #[error("the private key in {key} does not match the certificate in {cert}")]
    Mismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The certificate's time is over.
    #[error("the certificate in {path} expired at {not_after}: replace it")]
    Expired {
        /// Which file.
        path: PathBuf,
        /// Its last moment, RFC 3339.
        not_after: String,
    },
    /// The certificate's time has not begun: one of the two clocks is wrong.
    #[error("the certificate in {path} is valid only from {not_before}: check the clock")]
    NotYetValid {
        /// Which file.
        path: PathBuf,
        /// Its first moment, RFC 3339.
        not_before: String,
    },
    /// rustls refused the configuration as a whole.
    #[error("cannot set up TLS with {path}")]
    Setup {
        /// The file it objects to.
        path: PathBuf,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
