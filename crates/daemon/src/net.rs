//! How the platform treats its TCP connections, whichever side opened them.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};

/// A peer that vanished without a word is noticed after 30 s of silence and three probes: a minute.
const KEEPALIVE: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_secs(30))
    .with_interval(Duration::from_secs(10))
    .with_retries(3);

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {what} = {addr}: if another program has it, choose another address")]
pub struct ListenError {
    what: &'static str,
    addr: SocketAddr,
    source: std::io::Error,
}

/// Listens on the address that the setting `what` has. Answers with the port that was given, where any was asked for.
///
/// # Errors
/// Fails if another program has it, or this one may not.
pub async fn listen(what: &'static str, addr: SocketAddr) -> Result<(TcpListener, SocketAddr), ListenError> {
    let failed = |source| ListenError { what, addr, source };
    let listener = TcpListener::bind(addr).await.map_err(failed)?;
    let given = listener.local_addr().map_err(failed)?;
    Ok((listener, given))
}

/// Sends small messages at once, and notices a dead peer.
pub(crate) fn tune(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_keepalive(&KEEPALIVE)
}

/// Whether a failed `accept` concerns one connection only, so that the next may be taken at once.
pub(crate) fn is_connections_own(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// How long to wait after `accept` failed for want of something, such as file descriptors.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
