//! Admits agents: who they are comes from the certificate, and what they say must agree with it.

use std::{pin::Pin, sync::Arc, time::Duration};

use flow_domain::{
    ErrorCode, PartyId, labels,
    party::{Liveness, Party, Presence},
};
use flow_proto::{PROTOCOL, negotiate, v1};
use futures::Stream;
use tokio::sync::mpsc;
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Request, Response, Status, Streaming};

use super::{incoming::Caller, session};
use crate::{
    engine::Engine,
    hub::Hub,
    service::Services,
    store::{
        Store,
        shared::{Attached, ServerId, SessionId},
    },
};

/// How long an agent may take to say hello.
const HELLO: Duration = Duration::from_secs(10);

/// How many messages to one agent may wait in its stream.
const OUTBOUND: usize = 16;

/// How many data sets an agent may name.
const MAX_DATASETS: usize = 1000;

/// The service that agents attach to.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) store: Store,
    pub(crate) hub: Arc<Hub>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) services: Arc<Services>,
    pub(crate) heartbeat: Duration,
    pub(crate) sessions: TaskTracker,
    pub(crate) end: CancellationToken,
    /// This server, where it shares its database with others.
    pub(crate) me: Option<ServerId>,
}

pub(super) fn status(code: ErrorCode, message: impl Into<String>) -> Status {
    Status::new(tonic::Code::from_i32(code.grpc()), message)
}

#[tonic::async_trait]
impl v1::agent_link_server::AgentLink for Link {
    type AttachStream = Pin<Box<dyn Stream<Item = Result<v1::FromServer, Status>> + Send>>;

    async fn attach(&self, request: Request<Streaming<v1::FromAgent>>) -> Result<Response<Self::AttachStream>, Status> {
        let caller = request.extensions().get::<Caller>().cloned();
        let caller = caller.ok_or_else(|| status(ErrorCode::Internal, "the connection has no caller"))?;
        let party = caller.party.clone().ok_or_else(|| {
            tracing::warn!(from = caller.from, "refused: the certificate names no party");
            status(
                ErrorCode::Unauthenticated,
                "your certificate names no party: have one issued for a party",
            )
        })?;
        let mut inbound = request.into_inner();
        let hello = read_hello(&mut inbound).await?;
        if hello.party != party.as_str() {
            let claim: String = hello.party.chars().take(80).collect();
            tracing::warn!(from = caller.from, %party, claim, "refused: the agent claims a name that its certificate does not have");
            let message = format!(
                "you say that you are '{claim}' and your certificate says '{party}': correct the agent's party name or use its own certificate"
            );
            return Err(status(ErrorCode::Forbidden, message));
        }
        let protocol = negotiate(hello.protocol_min..=hello.protocol_max).ok_or_else(|| {
            tracing::warn!(%party, min = hello.protocol_min, max = hello.protocol_max, "refused: no common protocol version");
            let ours = format!("{} to {}", PROTOCOL.start(), PROTOCOL.end());
            let theirs = format!("{} to {}", hello.protocol_min, hello.protocol_max);
            status(ErrorCode::Conflict, format!("the agent speaks protocol {theirs} and this server {ours}: upgrade the older one"))
        })?;
        let seen = self.register(&party, &hello).await?;
        let number = self.present(&party).await?;
        let (sender, receiver) = mpsc::channel(OUTBOUND);
        let welcome = v1::Welcome {
            protocol,
            server_version: flow_daemon::version().to_owned(),
            heartbeat_ms: u32::try_from(self.heartbeat.as_millis()).unwrap_or(u32::MAX),
        };
        tracing::info!(%party, from = caller.from, agent = hello.agent_version, instance = hello.instance, "agent attached");
        let attachment = self.hub.attach(seen, number, self.engine.now());
        let session = session::run(self.clone(), attachment, welcome, inbound, sender);
        self.sessions.spawn(session);
        Ok(Response::new(Box::pin(
            ReceiverStream::new(receiver).map(|message| Ok(*message)),
        )))
    }
}

async fn read_hello(inbound: &mut Streaming<v1::FromAgent>) -> Result<v1::Hello, Status> {
    let first = tokio::time::timeout(HELLO, inbound.message())
        .await
        .map_err(|_| status(ErrorCode::Timeout, "no hello came in time"))??;
    match first.and_then(|first| first.message) {
        Some(v1::from_agent::Message::Hello(hello)) => Ok(hello),
        _ => Err(status(ErrorCode::Invalid, "the first message must be hello")),
    }
}

impl Link {
    /// A valid certificate is what registers a party: the authority that signed it has decided.
    async fn register(&self, party: &PartyId, hello: &v1::Hello) -> Result<Party, Status> {
        let now = self.engine.now();
        let mut datasets = hello.datasets.clone();
        datasets.truncate(MAX_DATASETS);
        datasets.retain(|name| name.len() <= 255);
        let labels = hello.labels.iter().filter(|(key, value)| labels::is_label(key, value));
        let labels = labels
            .take(labels::MOST)
            .map(|(key, value)| (key.clone(), value.clone()));
        let seen = Party {
            id: party.clone(),
            datasets,
            agent_version: hello.agent_version.chars().take(40).collect(),
            capacity: hello.capacity.unwrap_or_default().into(),
            site: Some(hello.site.chars().take(63).collect()).filter(|site: &String| !site.is_empty()),
            labels: labels.collect(),
            registered_at: now,
            last_seen: now,
        };
        self.store.party_seen(&seen).await.map_err(|error| {
            tracing::error!(%party, error = %flow_daemon::error::chain(&error), "cannot register the party");
            status(ErrorCode::Unavailable, "the server's database is away: try again")
        })?;
        Ok(seen)
    }

    /// The number of a new session. Other servers learn that the party's agent is here now.
    async fn present(&self, party: &PartyId) -> Result<u64, Status> {
        let number = self.hub.begin();
        let presence = Presence {
            liveness: Liveness::Online,
            since: self.engine.now(),
        };
        match self.attached(party, number, presence) {
            None => Ok(number),
            Some(attached) => match self.store.attached(&attached).await {
                Ok(()) => Ok(number),
                Err(error) => {
                    self.hub.abandon(number);
                    tracing::error!(%party, error = %flow_daemon::error::chain(&error), "cannot store that the agent is here");
                    Err(status(
                        ErrorCode::Unavailable,
                        "the server's database is away: try again",
                    ))
                }
            },
        }
    }

    /// What other servers are to know of a session; nothing if there are none.
    pub(super) fn attached(&self, party: &PartyId, number: u64, presence: Presence) -> Option<Attached> {
        let server = self.me?;
        Some(Attached {
            party: party.clone(),
            session: SessionId { server, number },
            presence,
        })
    }
}
