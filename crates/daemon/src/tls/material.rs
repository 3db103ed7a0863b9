//! Reading certificate, key and authority, with every complaint they deserve.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{TlsError, provider};

const LARGEST: u64 = 1 << 20;

/// Where a daemon's TLS material is. All three are PEM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsFiles {
    /// The daemon's own certificate, intermediates after it.
    pub cert: PathBuf,
    /// The private key of `cert`.
    pub key: PathBuf,
    /// The authorities that peers are verified against; several while one replaces another.
    pub ca: PathBuf,
}

/// What the files hold, checked.
pub(super) struct Material {
    pub(super) identity: Arc<CertifiedKey>,
    pub(super) roots: Arc<RootCertStore>,
    /// When the daemon's own certificate ends.
    pub(super) not_after: OffsetDateTime,
}

/// Enough of a file's state to notice that it was replaced.
pub(super) type Stamp = [Option<(SystemTime, u64, u64)>; 3];

impl TlsFiles {
    /// Modification time, size and inode of each file, `None` for one that is missing.
    pub(super) fn stamp(&self) -> Stamp {
        [&self.cert, &self.key, &self.ca].map(|path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
        })
    }

    /// Reads and checks everything.
    pub(super) fn load(&self) -> Result<Material, TlsError> {
        let chain = certificates(&self.cert)?;
        let not_after = check_time(&self.cert, &chain[0])?; // cannot fail: certificates() returns at least one
        let key = PrivateKeyDer::from_pem_slice(&read(&self.key)?).map_err(|err| match err {
            pem::Error::NoItemsFound => TlsError::NoKey(self.key.clone()),
            source => pem_error(&self.key, source),
        })?;
        let identity = CertifiedKey::from_der(chain, key, &provider()).map_err(|err| match err {
            rustls::Error::InconsistentKeys(_) => TlsError::Mismatch {
                cert: self.cert.clone(),
                key: self.key.clone(),
            },
            rustls::Error::InvalidCertificate(why) => bad_certificate(&self.cert, &why),
            source => TlsError::Key {
                path: self.key.clone(),
                source,
            },
        })?;
        Ok(Material {
            identity: Arc::new(identity),
            roots: Arc::new(self.roots()?),
            not_after,
        })
    }

    /// The authorities that are valid now. One that has expired beside a valid one is left out: that
    /// is how a replaced authority ends.
    fn roots(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        let mut refused = None;
        for certificate in certificates(&self.ca)? {
            match check_time(&self.ca, &certificate) {
                Ok(_) => roots.add(certificate).map_err(|why| bad_certificate(&self.ca, &why))?,
                Err(error) => refused = Some(error),
            }
        }
        match refused {
            Some(error) if roots.is_empty() => Err(error),
            _ => Ok(roots),
        }
    }
}

/// All certificates of a file, at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    let found = found.map_err(|source| pem_error(path, source))?;
    if found.is_empty() {
        return Err(TlsError::NoCertificate(path.to_owned()));
    }
    Ok(found)
}

/// Refuses a certificate whose time is over or has not begun; gives its end.
fn check_time(path: &Path, der: &CertificateDer<'_>) -> Result<OffsetDateTime, TlsError> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|why| bad_certificate(path, &why))?;
    let not_before = certificate.validity().not_before.to_datetime();
    let not_after = certificate.validity().not_after.to_datetime();
    let now = OffsetDateTime::now_utc();
    if now > not_after {
        return Err(TlsError::Expired {
            path: path.to_owned(),
            not_after: rfc3339(not_after),
        });
    }
    if now < not_before {
        return Err(TlsError::NotYetValid {
            path: path.to_owned(),
            not_before: rfc3339(not_before),
        });
    }
    Ok(not_after)
}

pub(super) fn rfc3339(moment: OffsetDateTime) -> String {
    moment.format(&Rfc3339).unwrap_or_else(|_| moment.to_string())
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let read_error = |source| TlsError::Read {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(read_error)?;
    if bytes.len() as u64 > LARGEST {
        return Err(TlsError::TooLarge(path.to_owned()));
    }
    Ok(bytes)
}

fn pem_error(path: &Path, source: pem::Error) -> TlsError {
    TlsError::Pem {
        path: path.to_owned(),
        source,
    }
}

fn bad_certificate(path: &Path, why: &dyn std::fmt::Display) -> TlsError {
    TlsError::Certificate {
        path: path.to_owned(),
        why: why.to_string(),
    }
}
