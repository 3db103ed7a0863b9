//! The cluster's certificates: one authority, made anew for each cluster, and what each part needs of it.
//!
//! They have no end: they live as long as their cluster, which is hours.

use std::{
    fs::{self, File},
    io::Write,
    net::IpAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType,
};

use crate::ClusterError;

/// The authority of a cluster, writing into a folder.
pub(crate) struct Pki {
    dir: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

/// Files of a certificate and its key.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Pki {
    /// A new authority, as `ca.crt` and `ca.key` in `dir`.
    pub(crate) fn create(dir: &Path) -> Result<Self, ClusterError> {
        fs::create_dir_all(dir).map_err(ClusterError::file("create", dir))?;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "flow-cluster");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        write(&dir.join("ca.crt"), &params.self_signed(&key)?.pem())?;
        write(&dir.join("ca.key"), &key.serialize_pem())?;
        let dir = dir.to_owned();
        let issuer = Issuer::new(params, key);
        Ok(Self { dir, issuer })
    }

    /// Files of the authority itself.
    pub(crate) fn authority(&self) -> Pair {
        self.pair("ca")
    }

    /// A certificate that a server shows under these names and addresses; it may be a client too, as etcd's peers are.
    pub(crate) fn server(&self, name: &str, dns: &[&str], ips: &[IpAddr]) -> Result<Pair, ClusterError> {
        let mut names = Vec::with_capacity(dns.len() + ips.len());
        for dns in dns {
            names.push(SanType::DnsName((*dns).try_into()?));
        }
        names.extend(ips.iter().copied().map(SanType::IpAddress));
        let usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(name, name, None, names, usages)
    }

    /// A certificate that makes its holder this user of these groups.
    pub(crate) fn client(&self, name: &str, user: &str, group: Option<&str>) -> Result<Pair, ClusterError> {
        self.issue(name, user, group, Vec::new(), vec![ExtendedKeyUsagePurpose::ClientAuth])
    }

    /// The key that signs service accounts' tokens; the "certificate" is its public half.
    pub(crate) fn token_key(&self) -> Result<Pair, ClusterError> {
        let pair = self.pair("service-accounts");
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        write(&pair.certificate, &key.public_key_pem())?;
        write(&pair.key, &key.serialize_pem())?;
        Ok(pair)
    }

    fn issue(
        &self,
        name: &str,
        common_name: &str,
        organization: Option<&str>,
        names: Vec<SanType>,
        usages: Vec<ExtendedKeyUsagePurpose>,
    ) -> Result<Pair, ClusterError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, common_name);
        if let Some(organization) = organization {
            params.distinguished_name.push(DnType::OrganizationName, organization);
        }
        params.subject_alt_names = names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = usages;
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let pair = self.pair(name);
        write(&pair.certificate, &params.signed_by(&key, &self.issuer)?.pem())?;
        write(&pair.key, &key.serialize_pem())?;
        Ok(pair)
    }

    fn pair(&self, name: &str) -> Pair {
        Pair {
            certificate: self.dir.join(format!("{name}.crt")),
            key: self.dir.join(format!("{name}.key")),
        }
    }
}

/// Writes a new file for the owner alone, whatever is in it. No two things of a cluster share a name.
pub(crate) fn write(path: &Path, content: &str) -> Result<(), ClusterError> {
    let write = || -> std::io::Result<()> {
        let mut file: File = File::options().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(content.as_bytes())
    };
    write().map_err(ClusterError::file("write", path))
}
