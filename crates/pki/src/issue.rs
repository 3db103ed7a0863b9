//! Certificates for the server and the parties.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use rcgen::{ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType};
use time::OffsetDateTime;

use crate::ca::{Ca, params};
use crate::files::{self, PRIVATE, PUBLIC};
use crate::{Identity, PartyName, PkiError};

/// Whom a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// The coordinating server, reached under these names and addresses (at least one).
    Server {
        /// Host names; a leading `*.` label is allowed.
        dns_names: Vec<String>,
        /// Addresses.
        ips: Vec<IpAddr>,
    },
    /// A party's agent.
    Party {
        /// The name that it is registered under.
        name: PartyName,
    },
}

/// What to certify, and for how long from now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Whom the certificate is for.
    pub role: Role,
    /// How long it is valid; cut to the end of the authority where that comes first.
    pub validity: Duration,
}

/// A new certificate with its private key. `Debug` shows no key.
pub struct Issued {
    /// The certificate.
    pub cert_pem: String,
    /// The private key, PKCS #8.
    pub key_pem: String,
    /// The authority's certificate, which the holder verifies its peers with.
    pub chain: String,
    /// When the certificate ends.
    pub not_after: OffsetDateTime,
}

impl Ca {
    /// Makes a key and a certificate for it.
    ///
    /// A party's may only be a client. A server's may be both, as servers on one database ask each other; that it is a server's says the
    /// identity in it, and no server takes it for a party's.
    ///
    /// # Errors
    /// When a server has no name or a bad one, the validity is zero or too long, or the authority
    /// has expired.
    pub fn issue(&self, request: &Request) -> Result<Issued, PkiError> {
        if self.not_after() <= OffsetDateTime::now_utc() {
            return Err(PkiError::AuthorityExpired(self.not_after()));
        }
        let (identity, usages, mut names) = match &request.role {
            Role::Server { dns_names, ips } => (
                Identity::Server,
                vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
                server_names(dns_names, ips)?,
            ),
            Role::Party { name } => (
                Identity::Party(name.clone()),
                vec![ExtendedKeyUsagePurpose::ClientAuth],
                Vec::new(),
            ),
        };
        let common_name = identity.party().map_or("server", PartyName::as_str);
        let mut params = params(common_name, request.validity)?;
        params.not_after = params.not_after.min(self.not_after());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = usages;
        params.use_authority_key_identifier_extension = true;
        names.push(SanType::URI(identity.uri(self.trust_domain()).try_into()?));
        params.subject_alt_names = names;

        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued {
            cert_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            chain: self.certificate_pem().to_owned(),
            not_after: params.not_after,
        })
    }
}

impl Issued {
    /// Writes `<stem>.crt` and `<stem>.key` (0600) into `dir`, each in one step.
    ///
    /// # Errors
    /// [`PkiError::Exists`] when either is there already and `force` is not given.
    pub fn save(&self, dir: &Path, stem: &str, force: bool) -> Result<(), PkiError> {
        if stem.is_empty() || stem.contains(['/', '\0']) {
            let why = format!("{stem:?} cannot be the name of a file");
            return Err(PkiError::Request(why));
        }
        files::create_dir(dir)?;
        let key = dir.join(format!("{stem}.key"));
        let certificate = dir.join(format!("{stem}.crt"));
        if !force && let Some(path) = [&key, &certificate].into_iter().find(|path| path.exists()) {
            return Err(PkiError::Exists(path.clone()));
        }
        let write = |path: &Path, content: &str, mode| {
            files::write(path, content, mode, force).map_err(|error| {
                if files::already_exists(&error) {
                    PkiError::Exists(path.to_owned())
                } else {
                    error
                }
            })
        };
        // The key first: a reader that finds the new certificate then finds its key as well.
        write(&key, &self.key_pem, PRIVATE)?;
        write(&certificate, &self.cert_pem, PUBLIC)
    }

    /// Writes the authority's certificate as `ca.crt` into `dir`, so that a member has all it needs
    /// in one place. The same certificate there already is left as it is.
    ///
    /// # Errors
    /// [`PkiError::Exists`] when another one is there and `force` is not given.
    pub fn save_ca(&self, dir: &Path, force: bool) -> Result<(), PkiError> {
        files::create_dir(dir)?;
        let path = dir.join("ca.crt");
        if path.exists() {
            if files::read(&path)? == self.chain {
                return Ok(());
            }
            if !force {
                return Err(PkiError::Exists(path));
            }
        }
        files::write(&path, &self.chain, PUBLIC, force)
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Issued")
            .field("cert_pem", &self.cert_pem)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

fn server_names(dns_names: &[String], ips: &[IpAddr]) -> Result<Vec<SanType>, PkiError> {
    if dns_names.is_empty() && ips.is_empty() {
        let why = "a server needs at least one DNS name or address that agents reach it under";
        return Err(PkiError::Request(why.to_owned()));
    }
    let mut names = Vec::with_capacity(dns_names.len() + ips.len() + 1);
    for name in dns_names {
        check_dns_name(name)?;
        names.push(SanType::DnsName(name.as_str().try_into()?));
    }
    names.extend(ips.iter().copied().map(SanType::IpAddress));
    Ok(names)
}

fn check_dns_name(name: &str) -> Result<(), PkiError> {
    let label = |label: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=63).contains(&label.len())
            && label.bytes().all(allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let host = name.strip_prefix("*.").unwrap_or(name);
    if name.parse::<IpAddr>().is_ok() || host.len() > 253 || !host.split('.').all(label) {
        return Err(PkiError::Request(format!("{name:?} is not a DNS name")));
    }
    Ok(())
}
