//! One attachment: hello, the desired set, changes, reports, heartbeats. The rules are those of docs/protocol.md.

use std::time::Duration;

use flow_proto::{
    MAX_MESSAGE, PROTOCOL,
    v1::{
        self, agent_link_client::AgentLinkClient, from_agent::Message as FromAgent, from_server::Message as FromServer,
    },
};
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Streaming, transport::Channel};

use super::{Shared, jobs::Board};
use crate::Outcome;

/// How long the server may take to answer a hello.
const WELCOME: Duration = Duration::from_secs(15);

/// Reports are gathered for this long.
const GATHER: Duration = Duration::from_millis(30);

/// How many messages may wait in the stream.
const OUTBOUND: usize = 64;

/// An attachment that the server has welcomed.
#[derive(Debug)]
pub(super) struct Session {
    outbound: mpsc::Sender<v1::FromAgent>,
    inbound: Streaming<v1::FromServer>,
    heartbeat: Duration,
    /// Parts of the desired set until it is complete.
    gathering: Option<Vec<v1::DesiredAssignment>>,
    sequence: u64,
}

/// Counts an agent as attached for as long as it is kept.
struct Attached<'a>(&'a Shared);

impl<'a> Attached<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.attached.send_modify(|count| *count += 1);
        Self(shared)
    }
}

impl Drop for Attached<'_> {
    fn drop(&mut self) {
        self.0.attached.send_modify(|count| *count -= 1);
    }
}

fn message(message: FromAgent) -> v1::FromAgent {
    v1::FromAgent { message: Some(message) }
}

/// Says hello and waits for the welcome.
pub(super) async fn open(channel: Channel, hello: v1::Hello) -> Outcome<Session> {
    let mut client = AgentLinkClient::new(channel)
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE);
    let (outbound, receiver) = mpsc::channel(OUTBOUND);
    outbound.send(message(FromAgent::Hello(hello))).await?;
    let attach = client.attach(ReceiverStream::new(receiver));
    let mut inbound = tokio::time::timeout(WELCOME, attach).await??.into_inner();
    let first = tokio::time::timeout(WELCOME, inbound.message()).await??;
    let Some(FromServer::Welcome(welcome)) = first.and_then(|first| first.message) else {
        return Err("the server's first message was no welcome".into());
    };
    if !PROTOCOL.contains(&welcome.protocol) {
        return Err(format!("the server wants to speak version {}", welcome.protocol).into());
    }
    Ok(Session {
        outbound,
        inbound,
        heartbeat: Duration::from_millis(welcome.heartbeat_ms.clamp(100, 60_000).into()),
        gathering: Some(Vec::new()),
        sequence: 0,
    })
}

impl Session {
    /// Serves it until it ends.
    pub(super) async fn serve(mut self, board: &mut Board, shared: &Shared) -> Outcome {
        let mut heartbeat = tokio::time::interval(self.heartbeat);
        let mut report_at: Option<Instant> = None;
        let mut attached = None;
        loop {
            let due = report_at.unwrap_or_else(|| Instant::now() + self.heartbeat);
            tokio::select! {
                received = self.inbound.message() => {
                    let Some(received) = received? else { return Ok(()) };
                    self.receive(received, board, shared)?;
                    if attached.is_none() && self.gathering.is_none() {
                        attached = Some(Attached::new(shared));
                        // The first thing the server hears is everything that there is.
                        report_at = board.has_news().then(Instant::now);
                    }
                }
                () = tokio::time::sleep_until(due), if report_at.is_some() => {
                    let reports = board.report(&mut self.sequence, shared.jobs, &shared.watch);
                    self.send(FromAgent::Reports(v1::Reports { reports })).await?;
                    report_at = None;
                }
                _ = heartbeat.tick() => self.send(FromAgent::Heartbeat(v1::Heartbeat {})).await?,
            }
            if attached.is_some() && report_at.is_none() && board.has_news() {
                report_at = Some(Instant::now() + GATHER);
            }
        }
    }

    async fn send(&self, what: FromAgent) -> Outcome {
        let sent = self.outbound.send(message(what));
        Ok(tokio::time::timeout(self.heartbeat * 3, sent).await??)
    }

    fn receive(&mut self, received: v1::FromServer, board: &mut Board, shared: &Shared) -> Outcome {
        match received.message {
            Some(FromServer::DesiredSet(set)) => {
                let Some(mut gathered) = self.gathering.take() else {
                    return Err("the server sent a second desired set".into());
                };
                gathered.extend(set.assignments);
                match set.last {
                    true => board.everything(gathered, &shared.watch),
                    false => self.gathering = Some(gathered),
                }
            }
            Some(FromServer::DesiredChange(change)) => {
                for wire in change.assignments {
                    board.wanted(wire, &shared.watch);
                }
                board.gone(&change.removed, &shared.watch);
            }
            Some(FromServer::Welcome(_)) => return Err("the server sent a second welcome".into()),
            // Nobody asks for logs here, and a newer server may say more than this version understands.
            Some(FromServer::LogRequest(_) | FromServer::LogCancel(_) | FromServer::TaskPage(_)) | None => {}
        }
        Ok(())
    }
}
