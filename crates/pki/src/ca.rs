//! The authority: made once for a federation, kept by its coordinating side.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PublicKeyData, SanType, SerialNumber,
};
use time::OffsetDateTime;
use x509_parser::parse_x509_certificate;
use x509_parser::pem::parse_x509_pem;

use crate::files::{self, PRIVATE, PUBLIC};
use crate::identity::authority_domain;
use crate::{PkiError, TrustDomain};

const CERTIFICATE: &str = "ca.crt";
const KEY: &str = "ca.key";

/// Certificates count from a little before now, so that a peer whose clock is behind accepts them.
const BACKDATE: Duration = Duration::from_secs(5 * 60);

/// A certificate authority with its private key (ECDSA P-256).
pub struct Ca {
    pub(crate) issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
    trust_domain: TrustDomain,
    not_after: OffsetDateTime,
}

impl Ca {
    /// A new authority named `subject` for the default trust domain, valid for `validity` from now.
    ///
    /// It exists in memory only, until [`Ca::save`].
    ///
    /// # Errors
    /// When `subject` is empty, `validity` is zero or too long, or no key can be made.
    pub fn create(subject: &str, validity: Duration) -> Result<Self, PkiError> {
        Self::create_in(TrustDomain::default(), subject, validity)
    }

    /// As [`Ca::create`], for a trust domain of one's own.
    ///
    /// # Errors
    /// As [`Ca::create`].
    pub fn create_in(trust_domain: TrustDomain, subject: &str, validity: Duration) -> Result<Self, PkiError> {
        if subject.trim().is_empty() || subject.len() > 64 {
            let why = "the authority's subject must have 1 to 64 bytes";
            return Err(PkiError::Request(why.to_owned()));
        }
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = params(subject, validity)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let id = format!("spiffe://{trust_domain}");
        params.subject_alt_names = vec![SanType::URI(id.try_into()?)];
        Ok(Self {
            certificate_pem: params.self_signed(&key)?.pem(),
            not_after: params.not_after,
            issuer: Issuer::new(params, key),
            trust_domain,
        })
    }

    /// Reads the authority that [`Ca::save`] wrote into `dir`.
    ///
    /// # Errors
    /// When a file is missing or unreadable, the certificate is no authority's, or the key belongs
    /// to another certificate.
    pub fn load(dir: &Path) -> Result<Self, PkiError> {
        let (certificate_path, key_path) = (dir.join(CERTIFICATE), dir.join(KEY));
        let certificate_pem = files::read(&certificate_path)?;
        let key_pem = files::read(&key_path)?;
        let bad_certificate = |why: String| PkiError::Unusable {
            path: certificate_path.clone(),
            why,
        };
        let bad_key = |why: String| PkiError::Unusable {
            path: key_path.clone(),
            why,
        };

        let (_, pem) = parse_x509_pem(certificate_pem.as_bytes())
            .map_err(|err| bad_certificate(format!("no PEM certificate in it: {err}")))?;
        let (_, certificate) = parse_x509_certificate(&pem.contents)
            .map_err(|err| bad_certificate(format!("no X.509 certificate: {err}")))?;
        if !certificate.is_ca() {
            return Err(bad_certificate("it may not sign certificates".to_owned()));
        }
        let trust_domain =
            authority_domain(&certificate).ok_or_else(|| bad_certificate("it names no trust domain".to_owned()))?;
        let key = KeyPair::from_pem(&key_pem).map_err(|err| bad_key(format!("no private key in it: {err}")))?;
        if key.subject_public_key_info() != certificate.public_key().raw {
            return Err(bad_key("the key belongs to another certificate".to_owned()));
        }
        let not_after = certificate.validity().not_after.to_datetime();
        let issuer = Issuer::from_ca_cert_pem(&certificate_pem, key)?;
        Ok(Self {
            issuer,
            certificate_pem,
            trust_domain,
            not_after,
        })
    }

    /// Writes `ca.crt` and `ca.key` (0600) into `dir`, which is created where missing.
    ///
    /// # Errors
    /// [`PkiError::AuthorityExists`] when either file is there already: it is never overwritten.
    pub fn save(&self, dir: &Path) -> Result<(), PkiError> {
        files::create_dir(dir)?;
        let certificate = dir.join(CERTIFICATE);
        let key = dir.join(KEY);
        for path in [&key, &certificate] {
            if path.symlink_metadata().is_ok() {
                return Err(PkiError::AuthorityExists(path.clone()));
            }
        }
        let write = |path: &Path, content: &str, mode| {
            files::write(path, content, mode, false).map_err(|error| {
                if files::already_exists(&error) {
                    PkiError::AuthorityExists(path.to_owned())
                } else {
                    error
                }
            })
        };
        write(&key, &self.issuer.key().serialize_pem(), PRIVATE)?;
        write(&certificate, &self.certificate_pem, PUBLIC)
    }

    /// The authority's own certificate, which every member of the federation is given.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The trust domain that it issues identities in.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// When it, and everything signed by it, comes to an end.
    pub fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }
}

/// Shows no key.
impl fmt::Debug for Ca {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Ca")
            .field("trust_domain", &self.trust_domain)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

/// What every certificate has: a common name, a random serial, and a time that starts a little early.
pub(crate) fn params(common_name: &str, validity: Duration) -> Result<CertificateParams, PkiError> {
    if validity.is_zero() {
        return Err(PkiError::Request("the validity must not be zero".to_owned()));
    }
    let now = OffsetDateTime::now_utc();
    let mut params = CertificateParams::default();
    params.not_before = now - BACKDATE;
    // X.509 cannot say a year beyond 9999.
    params.not_after = time::Duration::try_from(validity)
        .ok()
        .and_then(|validity| now.checked_add(validity))
        .ok_or_else(|| PkiError::Request("the validity is too long".to_owned()))?;
    params.serial_number = Some(random_serial());
    params.distinguished_name.push(DnType::CommonName, common_name);
    Ok(params)
}

/// 127 random bits: positive, and never shorter than 16 bytes.
fn random_serial() -> SerialNumber {
    let mut bytes: [u8; 16] = rand::random();
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&bytes)
}
