//! One attached agent: tells it what it is to have, and takes what it reports.

mod patience;
mod questions;
mod reports;

use std::{collections::BTreeMap, time::Instant};

use flow_domain::{
    Timestamp,
    party::{Liveness, Presence},
};
use flow_proto::{
    Pace,
    v1::{self, from_agent::Message as FromAgent, from_server::Message as FromServer},
};
use tokio::{sync::mpsc, task::JoinHandle};
use tonic::Streaming;

use super::{
    attach::Link,
    desired::{Told, message, summary},
};
use crate::{
    engine::EngineError,
    hub::{Attachment, Command, News},
};

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the agent closed the stream")]
    Closed,
    #[error("the agent said nothing for three heartbeats")]
    Silent,
    #[error("a newer session of the same party took over")]
    Replaced,
    #[error("the server is shutting down")]
    Shutdown,
    #[error("the stream broke")]
    Broken(#[from] tonic::Status),
    #[error("the agent broke the protocol: {0}")]
    Protocol(String),
    #[error("what it said or is to be told could not be dealt with")]
    Engine(#[from] EngineError),
}

struct Session {
    link: Link,
    attachment: Attachment,
    outbound: mpsc::Sender<Box<v1::FromServer>>,
    told: Told,
    logs: BTreeMap<u64, mpsc::Sender<v1::LogChunk>>,
    pace: Pace,
    /// The number of the last report.
    sequence: u64,
    /// A question that is being answered.
    asked: Option<JoinHandle<()>>,
}

/// Runs a session to its end. Whatever ends it, the agent attaches anew and both sides start from what is.
pub(super) async fn run(
    link: Link,
    attachment: Attachment,
    welcome: v1::Welcome,
    inbound: Streaming<v1::FromAgent>,
    outbound: mpsc::Sender<Box<v1::FromServer>>,
) {
    let mut session = Session {
        link,
        attachment,
        outbound,
        told: Told::default(),
        logs: BTreeMap::new(),
        pace: Pace::new(),
        sequence: 0,
        asked: None,
    };
    let ended = match session.serve(welcome, inbound).await {
        Ok(()) => Ended::Closed,
        Err(ended) => ended,
    };
    let Attachment { party, number, .. } = &session.attachment;
    let now = session.link.engine.now();
    let gone = session.link.hub.detach(party, *number, now);
    tracing::info!(%party, reason = %flow_daemon::error::chain(&ended), gone, "agent detached");
    if !gone {
        return;
    }
    session.say(Liveness::Offline, now).await;
    if let Err(error) = session.link.store.party_left(party, now).await {
        tracing::warn!(%party, error = %flow_daemon::error::chain(&error), "cannot store when the party left");
    }
}

impl Session {
    async fn serve(&mut self, welcome: v1::Welcome, mut inbound: Streaming<v1::FromAgent>) -> Result<(), Ended> {
        let patience = self.link.heartbeat * 3;
        self.send(message(FromServer::Welcome(welcome))).await?;
        Box::pin(self.tell_everything()).await?;
        // What seldom happens is boxed: thousands of sessions wait here, each with room for the largest of these.
        let mut heard = tokio::time::Instant::now();
        let mut overdue = false;
        loop {
            let inbox = self.attachment.inbox.clone();
            tokio::select! {
                biased;
                () = self.link.end.cancelled() => return Err(Ended::Shutdown),
                () = self.attachment.end.cancelled() => return Err(Ended::Replaced),
                () = inbox.arrived() => Box::pin(self.tell_changes(inbox.take())).await?,
                Some(command) = self.attachment.commands.recv() => Box::pin(self.command(*command)).await?,
                received = inbound.message() => {
                    let Some(received) = received? else { return Ok(()) };
                    heard = tokio::time::Instant::now();
                    if std::mem::take(&mut overdue) {
                        Box::pin(self.is_heard(Liveness::Online)).await;
                    }
                    self.receive(received).await?;
                    if let Some(pause) = self.pace.count(Instant::now()) {
                        tokio::time::sleep(pause).await;
                    }
                }
                () = tokio::time::sleep_until(heard + self.link.heartbeat * 2), if !overdue => {
                    overdue = true;
                    Box::pin(self.is_heard(Liveness::Suspect)).await;
                }
                () = tokio::time::sleep_until(heard + patience) => return Err(Ended::Silent),
            }
        }
    }

    /// Tells others that the agent is overdue, or that it was heard again.
    async fn is_heard(&self, liveness: Liveness) {
        let Attachment { party, number, .. } = &self.attachment;
        tracing::info!(%party, ?liveness, "an agent's liveness changed");
        let now = self.link.engine.now();
        self.link.hub.heard(party, *number, liveness, now);
        self.say(liveness, now).await;
    }

    /// Tells the other servers, where there are any. Should that fail, it is made good later.
    async fn say(&self, liveness: Liveness, since: Timestamp) {
        let Attachment { party, number, .. } = &self.attachment;
        let presence = Presence { liveness, since };
        if let Some(attached) = self.link.attached(party, *number, presence)
            && let Err(error) = self.link.store.heard(&attached).await
        {
            tracing::warn!(%party, error = %flow_daemon::error::chain(&error), "cannot store the party's presence");
        }
    }

    /// Waits for room in the stream, but not longer than a dead agent would be noticed.
    async fn send(&self, message: v1::FromServer) -> Result<(), Ended> {
        let sent = tokio::time::timeout(self.link.heartbeat * 3, self.outbound.send(Box::new(message))).await;
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Ended::Closed),
            Err(_) => Err(Ended::Silent),
        }
    }

    async fn tell_everything(&mut self) -> Result<(), Ended> {
        let party = &self.attachment.party;
        let gangs = self.gangs().await?;
        tracing::info!(%party, desired = summary(&gangs, party), "telling the agent everything");
        for part in self.told.everything(party, &gangs) {
            self.send(part).await?;
        }
        Ok(())
    }

    async fn tell_changes(&mut self, news: News) -> Result<(), Ended> {
        let parts = if news.everything {
            let gangs = self.gangs().await?;
            self.told.changes(&self.attachment.party, &gangs, |_| true)
        } else {
            let mut gangs = Vec::with_capacity(news.runs.len());
            for (run, gang) in &news.runs {
                match gang {
                    Some(gang) => gangs.push(gang.clone()),
                    None => gangs.extend(self.gang(*run).await?),
                }
            }
            let gangs = gangs.iter().map(AsRef::as_ref);
            let party = &self.attachment.party;
            self.told.changes(party, gangs, |run| news.runs.contains_key(&run))
        };
        for part in parts {
            self.send(part).await?;
        }
        Ok(())
    }

    async fn command(&mut self, command: Command) -> Result<(), Ended> {
        match command {
            Command::OpenLog {
                request,
                assignment,
                part,
                to,
            } => {
                self.logs.retain(|_, reader| !reader.is_closed());
                self.logs.insert(request, to);
                self.send(message(FromServer::LogRequest(part.request(request, assignment))))
                    .await
            }
            Command::CloseLog { request } => self.close_log(request).await,
        }
    }

    async fn close_log(&mut self, request: u64) -> Result<(), Ended> {
        if self.logs.remove(&request).is_none() {
            return Ok(());
        }
        self.send(message(FromServer::LogCancel(v1::LogCancel { request })))
            .await
    }

    async fn receive(&mut self, received: v1::FromAgent) -> Result<(), Ended> {
        match received.message {
            Some(FromAgent::Heartbeat(_)) => Ok(()),
            Some(FromAgent::Reports(reports)) => Box::pin(self.reports(reports.reports)).await,
            Some(FromAgent::LogChunk(chunk)) => Box::pin(self.log_chunk(chunk)).await,
            Some(FromAgent::TaskQuery(query)) => {
                self.answer(query);
                Ok(())
            }
            Some(FromAgent::Hello(_)) => Err(Ended::Protocol("a second hello".to_owned())),
            // A newer agent may say more than this version understands.
            None => Ok(()),
        }
    }

    async fn log_chunk(&mut self, chunk: v1::LogChunk) -> Result<(), Ended> {
        let (request, last) = (chunk.request, chunk.last);
        let Some(reader) = self.logs.get(&request) else {
            return Ok(());
        };
        // A reader that is too slow, or gone, must not hold up the agent's reports.
        if reader.try_send(chunk).is_err() {
            return self.close_log(request).await;
        }
        if last {
            self.logs.remove(&request);
        }
        Ok(())
    }
}
