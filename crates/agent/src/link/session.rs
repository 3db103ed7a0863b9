//! One attachment: hello, the desired set, changes, reports, logs.

use std::{collections::BTreeMap, time::Duration};

use flow_proto::{
    MAX_BATCH, MAX_MESSAGE, PROTOCOL, Pace,
    v1::{
        self, agent_link_client::AgentLinkClient, from_agent::Message as FromAgent, from_server::Message as FromServer,
    },
};
use tokio::{sync::mpsc, task::AbortHandle, time::Instant};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::{Dial, Ended};
use crate::{
    agent::{Agent, Order},
    board::Status,
    logs,
};

/// How long the server may take to answer a hello.
const WELCOME: Duration = Duration::from_secs(15);

/// Reports are gathered for this long.
const GATHER: Duration = Duration::from_millis(30);

/// How many messages may wait in the stream, and how many logs may be sent at a time.
const OUTBOUND: usize = 64;
const MAX_LOGS: usize = 64;

/// The most assignments that a server may want of one agent.
const MAX_ASSIGNMENTS: usize = 100_000;

/// One attachment, from hello to its end.
pub(super) struct Session<'a> {
    agent: &'a Agent,
    outbound: mpsc::Sender<v1::FromAgent>,
    inbound: Streaming<v1::FromServer>,
    heartbeat: Duration,
    /// Parts of a desired set that is not complete yet; `None` after it was.
    gathering: Option<Vec<v1::DesiredAssignment>>,
    reported: u64,
    sequence: u64,
    logs: BTreeMap<u64, AbortHandle>,
    pace: Pace,
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        for log in self.logs.values() {
            log.abort();
        }
        self.agent.shared.questions.detached();
    }
}

fn message(message: FromAgent) -> v1::FromAgent {
    v1::FromAgent { message: Some(message) }
}

impl<'a> Session<'a> {
    pub(super) async fn open(agent: &'a Agent, dial: &Dial) -> Result<Self, Ended> {
        let channel = dial().await?;
        let mut client = AgentLinkClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE);
        let (outbound, receiver) = mpsc::channel(OUTBOUND);
        let hello = v1::Hello {
            protocol_min: *PROTOCOL.start(),
            protocol_max: *PROTOCOL.end(),
            agent_version: flow_daemon::version().to_owned(),
            party: agent.party.to_string(),
            instance: agent.instance.clone(),
            datasets: agent.datasets(),
            capacity: Some(agent.capacity().into()),
            site: agent.site().to_owned(),
            labels: agent.labels(),
        };
        outbound
            .send(message(FromAgent::Hello(hello)))
            .await
            .map_err(|_| Ended::Closed)?;
        let attach = client.attach(ReceiverStream::new(receiver));
        let mut inbound = tokio::time::timeout(WELCOME, attach)
            .await
            .map_err(|_| Ended::Timeout)??
            .into_inner();
        let first = tokio::time::timeout(WELCOME, inbound.message())
            .await
            .map_err(|_| Ended::Timeout)??;
        let Some(FromServer::Welcome(welcome)) = first.and_then(|first| first.message) else {
            return Err(Ended::Protocol("its first message was no welcome".to_owned()));
        };
        if !PROTOCOL.contains(&welcome.protocol) {
            return Err(Ended::Protocol(format!(
                "it wants to speak version {}",
                welcome.protocol
            )));
        }
        tracing::info!(party = %agent.party, server = welcome.server_version, protocol = welcome.protocol, "attached to the server");
        Ok(Self {
            agent,
            outbound,
            inbound,
            heartbeat: Duration::from_millis(welcome.heartbeat_ms.clamp(100, 60_000).into()),
            gathering: Some(Vec::new()),
            reported: 0,
            sequence: 0,
            logs: BTreeMap::new(),
            pace: Pace::new(),
        })
    }

    /// From here on the server can be asked.
    pub(super) fn takes_questions(&self) {
        self.agent.shared.questions.attached(self.outbound.clone());
    }

    pub(super) async fn serve(&mut self) -> Result<(), Ended> {
        let mut heartbeat = tokio::time::interval(self.heartbeat);
        let board = self.agent.shared.clone();
        let mut report_at: Option<Instant> = None;
        loop {
            let due = report_at.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
            tokio::select! {
                received = self.inbound.message() => {
                    let Some(received) = received? else { return Ok(()) };
                    let complete_before = self.gathering.is_none();
                    self.receive(received).await?;
                    if let Some(pause) = self.pace.count(Instant::now().into_std()) {
                        tokio::time::sleep(pause).await;
                    }
                    if !complete_before && self.gathering.is_none() {
                        // The first thing the server hears is everything that there is.
                        report_at = Some(Instant::now());
                    }
                }
                () = board.board.changed(), if report_at.is_none() && self.gathering.is_none() => {
                    report_at = Some(Instant::now() + GATHER);
                }
                () = tokio::time::sleep_until(due), if report_at.is_some() => {
                    report_at = self.report().await?.then(Instant::now);
                }
                _ = heartbeat.tick() => self.send(FromAgent::Heartbeat(v1::Heartbeat {})).await?,
            }
        }
    }

    async fn send(&self, what: FromAgent) -> Result<(), Ended> {
        let sent = tokio::time::timeout(self.heartbeat * 3, self.outbound.send(message(what))).await;
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Ended::Closed),
            Err(_) => Err(Ended::Timeout),
        }
    }

    /// Sends what is news; true if there is more.
    async fn report(&mut self) -> Result<bool, Ended> {
        let news = self.agent.shared.board.since(self.reported, MAX_BATCH);
        let full = news.len() == MAX_BATCH;
        let mut reports = Vec::with_capacity(news.len());
        for (id, number, status) in news {
            self.reported = number;
            self.sequence += 1;
            reports.push(report(id.to_string(), self.sequence, status));
        }
        if !reports.is_empty() {
            self.send(FromAgent::Reports(v1::Reports { reports })).await?;
        }
        Ok(full)
    }

    async fn receive(&mut self, received: v1::FromServer) -> Result<(), Ended> {
        match received.message {
            Some(FromServer::DesiredSet(set)) => self.desired_set(set).await,
            Some(FromServer::DesiredChange(change)) => {
                let removed = change.removed.iter().filter_map(|id| id.parse().ok());
                self.agent.gone(removed);
                for wire in change.assignments {
                    self.order(wire);
                }
                Ok(())
            }
            Some(FromServer::LogRequest(request)) => self.open_log(request).await,
            Some(FromServer::LogCancel(cancel)) => {
                if let Some(log) = self.logs.remove(&cancel.request) {
                    log.abort();
                }
                Ok(())
            }
            Some(FromServer::TaskPage(page)) => {
                self.agent.shared.questions.answered(page);
                Ok(())
            }
            Some(FromServer::Welcome(_)) => Err(Ended::Protocol("it sent a second welcome".to_owned())),
            // A newer server may say more than this version understands.
            None => Ok(()),
        }
    }

    async fn desired_set(&mut self, set: v1::DesiredSet) -> Result<(), Ended> {
        let Some(gathering) = &mut self.gathering else {
            return Err(Ended::Protocol("it sent a second desired set".to_owned()));
        };
        gathering.extend(set.assignments);
        if gathering.len() > MAX_ASSIGNMENTS {
            return Err(Ended::Protocol(format!(
                "it wants more than {MAX_ASSIGNMENTS} assignments"
            )));
        }
        if set.last {
            let wires = self.gathering.take().unwrap_or_default();
            let orders: Vec<Order> = wires.into_iter().filter_map(|wire| self.read(wire)).collect();
            tracing::info!(assignments = orders.len(), "told what is wanted");
            self.agent.everything(orders);
        }
        Ok(())
    }

    fn order(&self, wire: v1::DesiredAssignment) {
        if let Some(order) = self.read(wire) {
            self.agent.order(order);
        }
    }

    /// An assignment that cannot be read, or is another party's, is refused and holds up nothing else.
    fn read(&self, wire: v1::DesiredAssignment) -> Option<Order> {
        let (id, generation) = (wire.id.clone(), wire.generation);
        let problem = match flow_proto::desired_assignment(wire) {
            Ok((id, generation, desired, spec)) if spec.party == self.agent.party => {
                return Some(Order {
                    id,
                    generation,
                    desired,
                    spec,
                });
            }
            Ok((_, _, _, spec)) => format!("it is for party {}, not for this one", spec.party),
            Err(error) => error.to_string(),
        };
        tracing::error!(assignment = id, problem, "refused an assignment");
        if let Ok(id) = id.parse() {
            let status = Status {
                generation,
                state: flow_domain::AssignmentState::Rejected,
                reason: flow_domain::Reason::SpecInvalid,
                message: problem,
                ..Status::pending()
            };
            self.agent.shared.board.put(id, status);
        }
        None
    }

    async fn open_log(&mut self, request: v1::LogRequest) -> Result<(), Ended> {
        self.logs.retain(|_, log| !log.is_finished());
        if self.logs.len() >= MAX_LOGS {
            let busy = v1::LogChunk {
                request: request.request,
                lines: Vec::new(),
                last: true,
                error: format!("this agent sends {MAX_LOGS} logs already: try again later"),
            };
            return self.send(FromAgent::LogChunk(busy)).await;
        }
        let number = request.request;
        let task = tokio::spawn(logs::send(
            self.agent.shared.launcher.clone(),
            request,
            self.outbound.clone(),
        ));
        self.logs.insert(number, task.abort_handle());
        Ok(())
    }
}

fn report(assignment: String, sequence: u64, status: Status) -> v1::Report {
    v1::Report {
        assignment,
        generation: status.generation,
        sequence,
        state: status.state.to_string(),
        reason: status.reason.to_string(),
        message: status.message,
        ready: status.ready,
        endpoints: status.endpoints.as_ref().map(flow_proto::endpoints),
        exit_code: status.exit_code,
        exited_at_micros: status.exited_at.map(|at| at.0),
        progress: Some(flow_proto::progress(&status.progress)),
        members: status
            .members
            .iter()
            .map(|(party, progress)| (party.to_string(), flow_proto::progress(progress)))
            .collect(),
    }
}
