//! Connections of the simulated network. Who is at the other end is said by the first bytes: certificates are left out here.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use flow_agent::link::Dial;
use flow_domain::PartyId;
use flow_server::core::Connection;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tonic::transport::Endpoint;
use turmoil::net::{TcpListener, TcpStream};

use super::relay::{self, Doubling};
use crate::gate::Gate;

/// Where servers listen.
pub(super) const PORT: u16 = 1237;

/// How long somebody may take to say who it is.
const GREETING: Duration = Duration::from_secs(5);

/// A connection of a program that may die at any of its touches.
#[derive(Debug)]
pub(super) struct Touching {
    stream: TcpStream,
    gate: Arc<Gate>,
}

impl AsyncRead for Touching {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.gate.is_dead() {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Touching {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.gate.touch() {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.gate.touch() {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// How an agent reaches a server: `choose` says which, at each try. With the settings of the real daemon.
pub(super) fn dial(party: PartyId, gate: Arc<Gate>, choose: impl Fn() -> String + Send + Sync + 'static) -> Dial {
    let choose = Arc::new(choose);
    Arc::new(move || {
        let (party, gate, server) = (party.clone(), gate.clone(), choose());
        let connector = tower::service_fn(move |_| {
            let (party, gate, server) = (party.clone(), gate.clone(), server.clone());
            async move { call(&server, &party, gate).await.map(TokioIo::new) }
        });
        Box::pin(async move {
            Endpoint::from_static("http://server")
                .connect_timeout(Duration::from_secs(10))
                .http2_keep_alive_interval(Duration::from_secs(10))
                .keep_alive_timeout(Duration::from_secs(10))
                .keep_alive_while_idle(true)
                .connect_with_connector(connector)
                .await
        })
    })
}

async fn call(server: &str, party: &PartyId, gate: Arc<Gate>) -> io::Result<Touching> {
    gate.pass().await;
    let stream = TcpStream::connect((server, PORT)).await?;
    let mut stream = Touching { stream, gate };
    let name = party.as_str().as_bytes();
    let mut greeting = vec![u8::try_from(name.len()).unwrap_or_default()];
    greeting.extend_from_slice(name);
    stream.write_all(&greeting).await?;
    Ok(stream)
}

/// The connections that come in, as long as somebody takes them.
pub(super) fn incoming(
    gate: Arc<Gate>,
    doubling: Option<Doubling>,
) -> impl futures::Stream<Item = io::Result<Connection>> + Send + Unpin {
    let (sender, receiver) = tokio::sync::mpsc::channel(16);
    tokio::spawn(async move {
        // A port that is taken cannot be: the host is this server's own, and the listener goes with its last life.
        let Ok(listener) = TcpListener::bind(("0.0.0.0", PORT)).await else {
            return;
        };
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = sender.closed() => return,
            };
            let Ok((stream, _)) = accepted else { return };
            let (gate, sender, doubling) = (gate.clone(), sender.clone(), doubling.clone());
            tokio::spawn(async move {
                let greeted = tokio::time::timeout(GREETING, greeted(Touching { stream, gate })).await;
                let Ok(Ok((stream, party))) = greeted else { return };
                let connection = Connection::of(stream, party.clone());
                match doubling {
                    // The server may be on its way out.
                    None => drop(sender.send(Ok(connection)).await),
                    Some(doubling) => relay::serve(connection, party, doubling, sender).await,
                }
            });
        }
    });
    tokio_stream::wrappers::ReceiverStream::new(receiver)
}

async fn greeted(mut stream: Touching) -> io::Result<(Touching, PartyId)> {
    let length = stream.read_u8().await?;
    let mut name = vec![0; length.into()];
    stream.read_exact(&mut name).await?;
    let name = String::from_utf8(name).map_err(io::Error::other)?;
    let party = name.parse().map_err(io::Error::other)?;
    Ok((stream, party))
}
