//! Connections of agents: over TLS, or within this process for the center's own agent.

use std::{
    fmt::Debug,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use flow_daemon::accept::{PeerIdentity, TlsConnection};
use flow_domain::PartyId;
use flow_pki::Identity;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf},
    sync::mpsc,
};
use tonic::transport::server::Connected;

/// A connection whose other end is known.
#[derive(Debug)]
pub struct Connection(Inner);

#[derive(Debug)]
enum Inner {
    /// From a certificate.
    Tls(Box<TlsConnection>),
    /// From whoever made it: the center's agent in this process, a simulated network.
    Known(Box<dyn Stream>, PartyId),
}

/// What a connection can be made of.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin + Debug {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + Debug> Stream for T {}

impl Connection {
    /// One over TLS: the certificate says who is there.
    pub(crate) fn tls(connection: TlsConnection) -> Self {
        Self(Inner::Tls(Box::new(connection)))
    }

    /// One with that party at its other end, as the caller knows.
    pub fn of(stream: impl AsyncRead + AsyncWrite + Send + Unpin + Debug + 'static, party: PartyId) -> Self {
        Self(Inner::Known(Box::new(stream), party))
    }
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The party, if the certificate names one.
    pub(crate) party: Option<PartyId>,
    /// Whether it is another server.
    pub(crate) server: bool,
    /// Where from, for logs.
    pub(crate) from: String,
}

impl From<PeerIdentity> for Caller {
    fn from(peer: PeerIdentity) -> Self {
        let party = match &peer.identity {
            Identity::Party(name) => name.as_str().parse().ok(),
            Identity::Server => None,
        };
        Self {
            // `center` is this process, whatever a certificate says.
            party: party.filter(|party| *party != PartyId::center()),
            server: peer.identity == Identity::Server,
            from: peer.addr.to_string(),
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        match &self.0 {
            Inner::Tls(tls) => tls.peer().clone().into(),
            Inner::Known(_, party) => Caller {
                party: Some(party.clone()),
                server: false,
                from: "this process".to_owned(),
            },
        }
    }
}

/// How much may be under way within the process.
const LOCAL_BUFFER: usize = 64 << 10;

/// Opens connections within this process: the sender's side goes to the link, the function to the agent.
pub(crate) fn local() -> (
    impl Fn() -> io::Result<DuplexStream> + Send + Sync + 'static,
    mpsc::Receiver<Connection>,
) {
    let (sender, receiver) = mpsc::channel(4);
    let open = move || {
        let (ours, theirs) = tokio::io::duplex(LOCAL_BUFFER);
        sender
            .try_send(Connection::of(theirs, PartyId::center()))
            .map_err(|_| io::Error::new(io::ErrorKind::ConnectionRefused, "the link is shutting down or busy"))?;
        Ok(ours)
    };
    (open, receiver)
}

macro_rules! forward {
    ($self:ident, $stream:ident => $call:expr) => {
        match &mut $self.get_mut().0 {
            Inner::Tls($stream) => {
                let $stream = Pin::new(&mut **$stream);
                $call
            }
            Inner::Known($stream, _) => {
                let $stream = Pin::new(&mut **$stream);
                $call
            }
        }
    };
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        forward!(self, stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        forward!(self, stream => stream.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, stream => stream.poll_shutdown(cx))
    }
}
