//! Accepting mutual TLS connections, for `tonic`'s `serve_with_incoming_shutdown`.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use flow_pki::{Identity, IdentityError, TrustDomain, identity_in};
use futures::Stream;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

use crate::net;
use crate::tls::ReloadingTls;

/// The limits of an acceptor.
#[derive(Debug, Clone)]
pub struct AcceptOptions {
    /// How long a client may take for its handshake.
    pub handshake_timeout: Duration,
    /// How many handshakes may be under way; further clients wait in the listener's backlog.
    pub max_handshakes: usize,
    /// How many connections may be open, those in their handshake included.
    pub max_connections: usize,
    /// Which trust domain's identities are accepted.
    pub trust_domain: TrustDomain,
}

impl Default for AcceptOptions {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(10),
            max_handshakes: 256,
            max_connections: 4096,
            trust_domain: TrustDomain::default(),
        }
    }
}

/// Who is at the other end, as a request extension: `request.extensions().get::<PeerIdentity>()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerIdentity {
    /// From the verified certificate.
    pub identity: Identity,
    /// Where the connection came from, for logs only.
    pub addr: SocketAddr,
}

/// An accepted connection whose peer is known.
#[derive(Debug)]
pub struct TlsConnection {
    stream: TlsStream<TcpStream>,
    peer: PeerIdentity,
    _open: OwnedSemaphorePermit,
}

/// Connections as they complete their handshakes. Ends at shutdown; dropping it stops the accepting.
#[derive(Debug)]
pub struct Incoming(mpsc::Receiver<TlsConnection>);

/// The counter of handshakes, `tls_handshakes_total{outcome}`.
#[derive(Debug, Clone, Default)]
pub struct AcceptMetrics(Family<Outcome, Counter>);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

impl AcceptMetrics {
    /// Adds the counter to `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let help = "TLS handshakes with clients, by outcome";
        registry.register("tls_handshakes", help, self.0.clone());
    }
}

/// Accepts mutual TLS connections and runs their handshakes.
#[derive(Debug)]
pub struct TlsAcceptor {
    tls: Arc<ReloadingTls>,
    options: AcceptOptions,
    metrics: AcceptMetrics,
}

#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("the handshake took too long")]
    Timeout,
    #[error("the handshake failed: {0}")]
    Handshake(io::Error),
    #[error("the socket cannot be configured: {0}")]
    Socket(io::Error),
    #[error("the client showed no certificate")]
    NoCertificate,
    #[error("{0}")]
    Identity(#[from] IdentityError),
}

impl Refusal {
    fn outcome(&self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Handshake(_) | Self::Socket(_) => "failed",
            Self::NoCertificate | Self::Identity(_) => "no_identity",
        }
    }
}

impl TlsAcceptor {
    /// An acceptor that uses whatever `tls` holds at the time of each connection.
    pub fn new(tls: Arc<ReloadingTls>, options: AcceptOptions) -> Self {
        Self {
            tls,
            options,
            metrics: AcceptMetrics::default(),
        }
    }

    /// Its counters.
    pub fn metrics(&self) -> AcceptMetrics {
        self.metrics.clone()
    }

    /// Accepts from `listener` in a task of its own until `shutdown`, or until the stream is dropped.
    ///
    /// Must be called within a tokio runtime.
    pub fn incoming(self, listener: TcpListener, shutdown: CancellationToken) -> Incoming {
        // One waiting connection is enough: a handshake keeps its place until it is taken.
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            let stopped = sender.clone();
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = stopped.closed() => {}
                () = Arc::new(self).accept(listener, sender) => {}
            }
        });
        Incoming(receiver)
    }

    async fn accept(self: Arc<Self>, listener: TcpListener, sender: mpsc::Sender<TlsConnection>) {
        let handshakes = Arc::new(Semaphore::new(self.options.max_handshakes));
        let connections = Arc::new(Semaphore::new(self.options.max_connections));
        // Dropped with this future: then all handshakes under way end too.
        let mut tasks = JoinSet::new();
        loop {
            let (Ok(turn), Ok(open)) = (
                handshakes.clone().acquire_owned().await,
                connections.clone().acquire_owned().await,
            ) else {
                return; // only when a semaphore is closed, which none is
            };
            let (stream, addr) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    if !net::is_connections_own(&error) {
                        tracing::warn!(%error, "cannot accept a connection; trying again");
                        tokio::time::sleep(net::ACCEPT_PAUSE).await;
                    }
                    continue;
                }
            };
            while tasks.try_join_next().is_some() {}
            let (acceptor, sender) = (self.clone(), sender.clone());
            tasks.spawn(async move {
                if let Some(connection) = acceptor.admit(stream, addr, open).await {
                    // The receiver is gone at shutdown only.
                    let _ = sender.send(connection).await;
                }
                drop(turn);
            });
        }
    }

    async fn admit(&self, stream: TcpStream, addr: SocketAddr, open: OwnedSemaphorePermit) -> Option<TlsConnection> {
        let admitted = self.handshake(stream).await;
        let outcome = admitted.as_ref().map_or_else(Refusal::outcome, |_| "ok");
        self.metrics.0.get_or_create(&Outcome { outcome }).inc();
        match admitted {
            Ok((stream, identity)) => {
                tracing::debug!(peer = %addr, %identity, "connection accepted");
                Some(TlsConnection {
                    stream,
                    peer: PeerIdentity { identity, addr },
                    _open: open,
                })
            }
            Err(reason) => {
                tracing::warn!(peer = %addr, %reason, "connection refused");
                None
            }
        }
    }

    async fn handshake(&self, stream: TcpStream) -> Result<(TlsStream<TcpStream>, Identity), Refusal> {
        net::tune(&stream).map_err(Refusal::Socket)?;
        let acceptor = tokio_rustls::TlsAcceptor::from(self.tls.current().server.clone());
        let handshake = acceptor.accept(stream);
        let stream = tokio::time::timeout(self.options.handshake_timeout, handshake)
            .await
            .map_err(|_| Refusal::Timeout)?
            .map_err(Refusal::Handshake)?;
        let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let own = certificates.first().ok_or(Refusal::NoCertificate)?;
        let identity = identity_in(own, &self.options.trust_domain)?;
        Ok((stream, identity))
    }
}

impl TlsConnection {
    /// Who is at the other end.
    pub fn peer(&self) -> &PeerIdentity {
        &self.peer
    }
}

impl Stream for Incoming {
    type Item = io::Result<TlsConnection>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|connection| connection.map(Ok))
    }
}

impl Connected for TlsConnection {
    type ConnectInfo = PeerIdentity;

    fn connect_info(&self) -> PeerIdentity {
        self.peer.clone()
    }
}

impl AsyncRead for TlsConnection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for TlsConnection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
