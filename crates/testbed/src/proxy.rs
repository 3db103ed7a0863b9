//! A breakable way through TCP: a proxy that delays, stalls, deafens, refuses and cuts.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
    task::AbortHandle,
    time::sleep,
};

/// The most that goes through in one piece, in bytes.
const PIECE: usize = 16 << 10;

/// How a proxy treats what goes through it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Passed on at once.
    Open,
    /// Passed on, each piece that late, in both directions.
    Slow(Duration),
    /// Kept, and nobody is told: connections stay, new ones are made, and what was sent arrives when the way is open again.
    Stalled,
    /// Requests arrive, and answers are lost. Who lost one is cut off when the way changes.
    Deaf,
    /// Reset: the connections that are there, and new ones as they are made.
    Refused,
}

/// What the connections of a proxy look at.
#[derive(Debug, Clone, Copy)]
struct State {
    way: Way,
    /// How often everybody was cut off.
    cuts: u64,
}

/// A proxy on a port of 127.0.0.1. Dropping it ends it, with its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    listening: AbortHandle,
}

impl Proxy {
    /// A proxy before `target`, which need not be there yet. Call it within a tokio runtime.
    #[must_use]
    pub fn before(target: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let address = listener.local_addr().unwrap();
        let (state, seen) = watch::channel(State {
            way: Way::Open,
            cuts: 0,
        });
        let listening = tokio::spawn(accept(listener, target, seen)).abort_handle();
        Self {
            address,
            state,
            listening,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Treats from now on everything like this.
    pub fn set(&self, way: Way) {
        self.state.send_modify(|state| state.way = way);
    }

    /// Resets every connection that is there; new ones can be made at once.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, state: watch::Receiver<State>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                tokio::spawn(connection(client, target, state.clone()));
            }
            // Out of descriptors, most likely: that passes.
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn connection(mut client: TcpStream, target: SocketAddr, mut state: watch::Receiver<State>) {
    let before = state.borrow().cuts;
    let refused = state.borrow().way == Way::Refused;
    let server = if refused {
        None
    } else {
        TcpStream::connect(target).await.ok()
    };
    let Some(mut server) = server else {
        reset(&client);
        return;
    };
    // What is small and urgent is not to wait for more.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let passed = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let requests = pump(from_client, to_server, state.clone(), false);
        let answers = pump(from_server, to_client, state.clone(), true);
        tokio::select! {
            passed = async { tokio::try_join!(requests, answers) } => passed.is_ok(),
            // Also when the proxy is gone.
            _ = state.wait_for(|state| state.cuts != before || state.way == Way::Refused) => false,
        }
    };
    if !passed {
        reset(&client);
        reset(&server);
    }
}

/// Makes the end of a connection a reset.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

/// Carries one direction until its end. An error is a reason to reset the connection.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut state: watch::Receiver<State>,
    answers: bool,
) -> io::Result<()> {
    let broken = || io::Error::from(io::ErrorKind::ConnectionAborted);
    let mut piece = vec![0; PIECE];
    let mut lost = false;
    loop {
        let way = passable(&mut state).await.ok_or_else(broken)?;
        if lost && way != Way::Deaf {
            return Err(broken());
        }
        let read = tokio::select! {
            read = from.read(&mut piece) => read?,
            changed = state.changed() => {
                changed.map_err(|_| broken())?;
                continue;
            }
        };
        // It may have been stalled since.
        match passable(&mut state).await.ok_or_else(broken)? {
            Way::Slow(late) => sleep(late).await,
            Way::Deaf if answers => {
                lost = true;
                // Even the end of the answers is one that does not arrive.
                if read == 0 {
                    let _ = state.wait_for(|state| state.way != Way::Deaf).await;
                }
                continue;
            }
            _ => {}
        }
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&piece[..read]).await?;
    }
}

/// The way, as soon as something can pass; `None` once the proxy is gone.
async fn passable(state: &mut watch::Receiver<State>) -> Option<Way> {
    let state = state.wait_for(|state| state.way != Way::Stalled).await.ok()?;
    Some(state.way)
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, timeout};

    use super::*;

    /// Long enough for something that must not come to have come.
    const SILENCE: Duration = Duration::from_millis(150);

    /// A server that sends back what it gets, behind a proxy.
    async fn echo() -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        Proxy::before(address)
    }

    async fn ask(stream: &mut TcpStream) -> io::Result<[u8; 4]> {
        stream.write_all(b"ping").await?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    }

    async fn attached(proxy: &Proxy) -> TcpStream {
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(&ask(&mut stream).await.unwrap(), b"ping");
        stream
    }

    #[tokio::test]
    async fn an_open_way_passes_everything_and_its_end() {
        let proxy = echo().await;
        let mut stream = attached(&proxy).await;
        stream.shutdown().await.unwrap();
        assert_eq!(stream.read(&mut [0; 4]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_cut_resets_who_is_there_and_nobody_else() {
        let proxy = echo().await;
        let mut stream = attached(&proxy).await;
        proxy.cut();
        let error = stream.read(&mut [0; 4]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        attached(&proxy).await;
    }

    #[tokio::test]
    async fn a_refused_way_resets_the_next_ones_too() {
        let proxy = echo().await;
        let mut stream = attached(&proxy).await;
        proxy.set(Way::Refused);
        assert!(ask(&mut stream).await.is_err());
        let mut next = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(ask(&mut next).await.is_err());
        proxy.set(Way::Open);
        attached(&proxy).await;
    }

    #[tokio::test]
    async fn a_stalled_way_loses_nothing() {
        let proxy = echo().await;
        let mut stream = attached(&proxy).await;
        proxy.set(Way::Stalled);
        assert!(timeout(SILENCE, ask(&mut stream)).await.is_err());
        proxy.set(Way::Open);
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"ping");
    }

    #[tokio::test]
    async fn a_deaf_way_loses_answers_and_then_the_connection() {
        let proxy = echo().await;
        let mut stream = attached(&proxy).await;
        proxy.set(Way::Deaf);
        assert!(timeout(SILENCE, ask(&mut stream)).await.is_err());
        proxy.set(Way::Open);
        assert!(ask(&mut stream).await.is_err());
        attached(&proxy).await;
    }

    #[tokio::test]
    async fn a_slow_way_takes_its_time_in_both_directions() {
        let proxy = echo().await;
        let mut stream = attached(&proxy).await;
        proxy.set(Way::Slow(Duration::from_millis(60)));
        let began = Instant::now();
        ask(&mut stream).await.unwrap();
        assert!(began.elapsed() >= Duration::from_millis(120), "{:?}", began.elapsed());
    }
}
