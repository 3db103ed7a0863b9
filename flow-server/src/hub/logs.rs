//! Logs on their way from agents to readers.

use std::sync::atomic::Ordering;

use flow_domain::{AssignmentId, PartyId, Timestamp};
use flow_proto::v1;
use tokio::sync::mpsc;
use tonic::Streaming;

use super::{Command, Hub};

/// How many chunks of one log may wait for their reader.
const LOG_CHUNKS: usize = 128;

/// How much of a log is wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogPart {
    /// How many lines from the end.
    pub tail: u32,
    /// Only lines from then on.
    pub since: Option<Timestamp>,
    /// Of the container before its last restart.
    pub previous: bool,
    /// Whether to go on with new lines.
    pub follow: bool,
}

impl LogPart {
    /// What an agent is asked.
    pub(crate) fn request(self, request: u64, assignment: AssignmentId) -> v1::LogRequest {
        v1::LogRequest {
            request,
            assignment: assignment.to_string(),
            tail: self.tail,
            follow: self.follow,
            previous: self.previous,
            since_micros: self.since.map_or(0, |since| since.0),
        }
    }
}

/// A log on its way from an agent. Dropping it tells the agent to stop.
#[derive(Debug)]
pub(crate) struct LogReader(From);

#[derive(Debug)]
enum From {
    /// From an agent that is attached here.
    Here {
        request: u64,
        commands: mpsc::Sender<Box<Command>>,
        chunks: mpsc::Receiver<v1::LogChunk>,
    },
    /// By way of the server that it is attached to.
    Elsewhere(Box<Streaming<v1::LogChunk>>),
}

impl LogReader {
    /// The next chunk; `None` if the agent went away.
    pub(crate) async fn next(&mut self) -> Option<v1::LogChunk> {
        match &mut self.0 {
            From::Here { chunks, .. } => chunks.recv().await,
            From::Elsewhere(chunks) => chunks.message().await.ok().flatten(),
        }
    }

    /// One that another server gives.
    pub(crate) fn elsewhere(chunks: Streaming<v1::LogChunk>) -> Self {
        Self(From::Elsewhere(Box::new(chunks)))
    }
}

impl Drop for LogReader {
    fn drop(&mut self) {
        if let From::Here { request, commands, .. } = &self.0 {
            // If the session is busy, it finds out by itself with the next chunk.
            let _ = commands.try_send(Box::new(Command::CloseLog { request: *request }));
        }
    }
}

impl Hub {
    /// Asks the party's agent for a log; `None` if it is not attached here.
    pub(crate) async fn open_log(&self, party: &PartyId, assignment: AssignmentId, part: LogPart) -> Option<LogReader> {
        let commands = self.lock().sessions.get(party)?.commands.clone();
        let request = self.next.fetch_add(1, Ordering::Relaxed);
        let (to, chunks) = mpsc::channel(LOG_CHUNKS);
        let open = Command::OpenLog {
            request,
            assignment,
            part,
            to,
        };
        commands.send(Box::new(open)).await.ok()?;
        Some(LogReader(From::Here {
            request,
            commands,
            chunks,
        }))
    }
}
