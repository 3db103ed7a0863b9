//! Logs on their way from agents to readers.

use std::sync::atomic::Ordering;

use flow_domain::{AssignmentId, PartyId, Timestamp};
use flow_proto::v1;
use tokio::sync::mpsc;

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

/// A log on its way from an agent. Dropping it tells the agent to stop.
#[derive(Debug)]
pub(crate) struct LogReader {
    request: u64,
    commands: mpsc::Sender<Command>,
    chunks: mpsc::Receiver<v1::LogChunk>,
}

impl LogReader {
    /// The next chunk; `None` if the agent went away.
    pub(crate) async fn next(&mut self) -> Option<v1::LogChunk> {
        self.chunks.recv().await
    }
}

impl Drop for LogReader {
    fn drop(&mut self) {
        // If the session is busy, it finds out by itself with the next chunk.
        let _ = self.commands.try_send(Command::CloseLog { request: self.request });
    }
}

impl Hub {
    /// Asks the party's agent for a log; `None` if it is not attached.
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
        commands.send(open).await.ok()?;
        Some(LogReader {
            request,
            commands,
            chunks,
        })
    }
}
