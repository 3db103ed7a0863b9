//! What a job means that does not say: the conventions of the original operator.

use crate::{Certificate, IflearnerJobSpec, Port, Role};

/// The Secret with the certificate of the ingress in front of aggregation servers.
pub const SERVER_TLS_SECRET: &str = "server-iflearner-secret";

/// The Secret with the certificate of the ingress in front of parties.
pub const PARTY_TLS_SECRET: &str = "party-iflearner-secret";

/// The ConfigMap with the certificate that parties check aggregation servers with.
pub const SERVER_CONFIG_MAP: &str = "server-iflearner-crt";

/// The ConfigMap with the certificate that parties check each other with.
pub const PARTY_CONFIG_MAP: &str = "party-iflearner-crt";

/// Where a party's process finds the certificate of aggregation servers.
pub const SERVER_CERTIFICATE: &str = "/etc/server-iflearner-secret.crt";

/// Where a party's process finds the certificate of parties.
pub const PARTY_CERTIFICATE: &str = "/etc/party-iflearner-secret.crt";

impl Role {
    /// The ports of a job that names none.
    pub fn ports(self) -> Vec<Port> {
        let grpc = Port {
            name: "grpc".to_owned(),
            port: 80,
            target_port: 50_001,
            app_protocol: Some("kubernetes.io/h2c".to_owned()),
        };
        let http = Port {
            name: "http".to_owned(),
            port: 82,
            target_port: 50_002,
            app_protocol: None,
        };
        match self {
            Self::Server => vec![grpc, http],
            Self::Client => vec![grpc],
        }
    }

    /// The Secret with the certificate of the job's host.
    pub fn tls_secret(self) -> &'static str {
        match self {
            Self::Server => SERVER_TLS_SECRET,
            Self::Client => PARTY_TLS_SECRET,
        }
    }

    /// The certificates that are mounted into a job that names none.
    pub fn certificates(self) -> Vec<Certificate> {
        let from = |config_map: &str, key: &str, mount_path: &str| Certificate {
            config_map: Some(config_map.to_owned()),
            secret: None,
            key: key.to_owned(),
            mount_path: mount_path.to_owned(),
        };
        match self {
            Self::Server => Vec::new(),
            Self::Client => vec![
                from(SERVER_CONFIG_MAP, "server-iflearner-secret.crt", SERVER_CERTIFICATE),
                from(PARTY_CONFIG_MAP, "party-iflearner-secret.crt", PARTY_CERTIFICATE),
            ],
        }
    }
}

impl IflearnerJobSpec {
    /// The ports, given or by role.
    pub fn ports(&self) -> Vec<Port> {
        self.ports.clone().unwrap_or_else(|| self.role.ports())
    }

    /// The certificates, given or by role.
    pub fn certificates(&self) -> Vec<Certificate> {
        self.certificates.clone().unwrap_or_else(|| self.role.certificates())
    }
}
