//! Connections of agents: over TLS, or within this process for the center's own agent.

use std::{
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
pub(crate) enum Connection {
    /// From a certificate.
    Tls(Box<TlsConnection>),
    /// From this process: the center's agent.
    Local(DuplexStream),
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The party, if the certificate names one.
    pub(crate) party: Option<PartyId>,
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
            from: peer.addr.to_string(),
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        match self {
            Self::Tls(tls) => tls.peer().clone().into(),
            Self::Local(_) => Caller {
                party: Some(PartyId::center()),
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
            .try_send(Connection::Local(theirs))
            .map_err(|_| io::Error::new(io::ErrorKind::ConnectionRefused, "the link is shutting down or busy"))?;
        Ok(ours)
    };
    (open, receiver)
}

macro_rules! forward {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Self::Tls($stream) => {
                let $stream = Pin::new(&mut **$stream);
                $call
            }
            Self::Local($stream) => {
                let $stream = Pin::new($stream);
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
