//! A stretch of the way between agents and a server that hands some messages on twice. What begins a session comes once: it is
//! not a message of a session yet.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use flow_domain::PartyId;
use flow_proto::{
    MAX_MESSAGE,
    v1::{
        FromAgent, FromServer,
        agent_link_client::AgentLinkClient,
        agent_link_server::{AgentLink, AgentLinkServer},
        from_agent::Message::Hello,
        from_server::Message::DesiredChange,
    },
};
use flow_server::core::Connection;
use futures::{Stream, StreamExt, future::ready, stream};
use hyper_util::rt::TokioIo;
use rand::{Rng, rngs::StdRng};
use tokio::{io::DuplexStream, sync::mpsc};
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Endpoint, Server},
};

/// How much may be under way to the server.
const BUFFER: usize = 64 << 10;

/// What decides about each message. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Doubling {
    dice: Arc<Mutex<StdRng>>,
    probability: f64,
}

impl Doubling {
    pub(super) fn new(dice: StdRng, probability: f64) -> Self {
        Self {
            dice: Arc::new(Mutex::new(dice)),
            probability,
        }
    }

    /// The message, and perhaps once more.
    fn perhaps_twice<T: Clone>(&self, message: T, may_come_twice: bool) -> Vec<T> {
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        match may_come_twice && dice.random_bool(self.probability) {
            true => vec![message.clone(), message],
            false => vec![message],
        }
    }
}

/// One connection's relay.
struct Relay {
    party: PartyId,
    doubling: Doubling,
    onward: mpsc::Sender<std::io::Result<Connection>>,
}

/// Takes a connection of a party's agent, and hands on what comes by it.
pub(super) async fn serve(
    connection: Connection,
    party: PartyId,
    doubling: Doubling,
    onward: mpsc::Sender<std::io::Result<Connection>>,
) {
    let relay = Relay {
        party,
        doubling,
        onward,
    };
    let service = AgentLinkServer::new(relay)
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE);
    // The one connection, and no end after it.
    let incoming = stream::once(ready(Ok::<_, std::io::Error>(connection))).chain(stream::pending());
    let served = Server::builder()
        .add_service(service)
        .serve_with_incoming(incoming)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a relay ended");
    }
}

#[tonic::async_trait]
impl AgentLink for Relay {
    type AttachStream = Pin<Box<dyn Stream<Item = Result<FromServer, Status>> + Send>>;

    async fn attach(&self, request: Request<Streaming<FromAgent>>) -> Result<Response<Self::AttachStream>, Status> {
        let (ours, theirs) = tokio::io::duplex(BUFFER);
        let onward = self.onward.send(Ok(Connection::of(theirs, self.party.clone())));
        onward.await.map_err(|_| Status::unavailable("the server is gone"))?;
        let mut client = AgentLinkClient::new(channel(ours).await?)
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE);
        let (there, back) = (self.doubling.clone(), self.doubling.clone());
        let up = request
            .into_inner()
            .take_while(|came| ready(came.is_ok()))
            .filter_map(|came| ready(came.ok()))
            .flat_map(move |message: FromAgent| {
                let may = !matches!(message.message, Some(Hello(_)) | None);
                stream::iter(there.perhaps_twice(message, may))
            });
        let down = client.attach(up).await?.into_inner().flat_map(move |came| {
            let pieces: Vec<Result<FromServer, Status>> = match came {
                Ok(message) => {
                    let may = matches!(message.message, Some(DesiredChange(_)));
                    back.perhaps_twice(message, may).into_iter().map(Ok).collect()
                }
                Err(status) => vec![Err(status)],
            };
            stream::iter(pieces)
        });
        Ok(Response::new(Box::pin(down)))
    }
}

async fn channel(stream: DuplexStream) -> Result<tonic::transport::Channel, Status> {
    let mut stream = Some(stream);
    let connector = tower::service_fn(move |_| {
        let taken = stream.take().map(TokioIo::new);
        ready(taken.ok_or_else(|| std::io::Error::other("a relay connects once")))
    });
    let connected = Endpoint::from_static("http://server")
        .connect_with_connector(connector)
        .await;
    connected.map_err(|error| Status::unavailable(error.to_string()))
}
