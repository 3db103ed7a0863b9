//! Opening mutual TLS connections to the server.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::Uri;
use flow_pki::{Identity, IdentityError, TrustDomain, identity_in};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::net;
use crate::tls::ReloadingTls;

/// How long name resolution, TCP and TLS may take together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no connection to the server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address has no host or no port.
    #[error("{0:?} is not a server address: write it as host:port")]
    Address(String),
    /// The name to verify is neither a DNS name nor an address.
    #[error("{0:?} is neither a DNS name nor an address, so no certificate can be valid for it")]
    ServerName(String),
    /// It took too long.
    #[error("connecting to {addr} took longer than {after:?}")]
    Timeout {
        /// Where to.
        addr: String,
        /// The limit.
        after: Duration,
    },
    /// Nothing answers there.
    #[error("cannot reach {addr}")]
    Tcp {
        /// Where to.
        addr: String,
        /// What the system said.
        source: io::Error,
    },
    /// The handshake failed, as when the server's certificate is not for this name.
    #[error("the TLS handshake with {addr} failed")]
    Handshake {
        /// Where to.
        addr: String,
        /// What was refused.
        source: io::Error,
    },
    /// The peer's certificate carries no identity of ours.
    #[error("the certificate of {addr} does not say who it is")]
    Identity {
        /// Where to.
        addr: String,
        /// What is wrong with it.
        source: IdentityError,
    },
    /// The peer is a member of the federation, but not its server.
    #[error("{addr} is {found}, not the server")]
    NotServer {
        /// Where to.
        addr: String,
        /// Who it is.
        found: Identity,
    },
}

/// Connects to `addr` (`host:port`), where a server with a certificate for `server_name` must be.
///
/// Note that in TLS 1.3 the server judges the client's certificate after this returns: a refusal
/// comes as an error of the first read.
///
/// # Errors
/// When nothing answers in time, or what answers is not the server of `trust_domain`.
pub async fn connect(
    addr: &str,
    server_name: &str,
    config: Arc<ClientConfig>,
    trust_domain: &TrustDomain,
) -> Result<TlsStream<TcpStream>, ConnectError> {
    let name =
        ServerName::try_from(server_name.to_owned()).map_err(|_| ConnectError::ServerName(server_name.to_owned()))?;
    let attempt = async {
        let tcp = TcpStream::connect(addr).await.and_then(|stream| {
            net::tune(&stream)?;
            Ok(stream)
        });
        let tcp = tcp.map_err(|source| ConnectError::Tcp {
            addr: addr.to_owned(),
            source,
        })?;
        let handshake = tokio_rustls::TlsConnector::from(config).connect(name, tcp);
        handshake.await.map_err(|source| ConnectError::Handshake {
            addr: addr.to_owned(),
            source,
        })
    };
    let stream = tokio::time::timeout(CONNECT_TIMEOUT, attempt)
        .await
        .map_err(|_| ConnectError::Timeout {
            addr: addr.to_owned(),
            after: CONNECT_TIMEOUT,
        })??;
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let own = certificates.first().map_or(&[][..], |own| own);
    match identity_in(own, trust_domain) {
        Ok(Identity::Server) => Ok(stream),
        Ok(found) => Err(ConnectError::NotServer {
            addr: addr.to_owned(),
            found,
        }),
        Err(source) => Err(ConnectError::Identity {
            addr: addr.to_owned(),
            source,
        }),
    }
}

/// Opens connections for `tonic`'s `Endpoint::connect_with_connector`.
///
/// Each connection uses the TLS files that are in force then. Give the endpoint an `http://` URI:
/// the TLS is this connector's, and `tonic` must not look for its own.
#[derive(Debug, Clone)]
pub struct TlsConnector {
    tls: Arc<ReloadingTls>,
    server_name: Option<Arc<str>>,
    trust_domain: TrustDomain,
}

impl TlsConnector {
    /// A connector that verifies the host name in the endpoint's URI.
    pub fn new(tls: Arc<ReloadingTls>, trust_domain: TrustDomain) -> Self {
        Self {
            tls,
            server_name: None,
            trust_domain,
        }
    }

    /// Verifies this name instead, as when the server is reached under an address of no certificate.
    #[must_use]
    pub fn with_server_name(mut self, name: &str) -> Self {
        self.server_name = Some(name.into());
        self
    }
}

impl tower::Service<Uri> for TlsConnector {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let config = self.tls.current().client.clone();
        let (server_name, trust_domain) = (self.server_name.clone(), self.trust_domain.clone());
        Box::pin(async move {
            let (Some(host), Some(port)) = (uri.host(), uri.port_u16()) else {
                return Err(ConnectError::Address(uri.to_string()));
            };
            // A URI writes an IPv6 address in brackets; a certificate does not.
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            let name = server_name.as_deref().unwrap_or(bare);
            let addr = format!("{host}:{port}");
            let stream = connect(&addr, name, config, &trust_domain).await?;
            Ok(TokioIo::new(stream))
        })
    }
}
