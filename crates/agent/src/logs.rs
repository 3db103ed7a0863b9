//! Sends logs that the server asks for, in bounded pieces.

use std::{sync::Arc, time::Duration};

use flow_daemon::error::chain;
use flow_domain::AssignmentId;
use flow_launcher::{Launcher, LogQuery, Stream};
use flow_proto::v1;
use futures::StreamExt;
use tokio::sync::mpsc;

use crate::agent::key;

/// The most lines from the end that are sent.
const MAX_TAIL: u32 = 10_000;

/// The most text that one request is sent, in bytes, unless it follows.
const MAX_BYTES: u64 = 16 << 20;

/// How many lines go into one piece, and how long a line may be.
const PIECE: usize = 200;
const MAX_LINE: usize = 8 << 10;

/// How long a piece waits for more lines.
const GATHER: Duration = Duration::from_millis(50);

/// Answers one request until the log ends, the task is aborted, or the stream breaks.
pub(crate) async fn send(launcher: Arc<dyn Launcher>, request: v1::LogRequest, to: mpsc::Sender<v1::FromAgent>) {
    let number = request.request;
    let chunk = |lines, last, error: String| v1::FromAgent {
        message: Some(v1::from_agent::Message::LogChunk(v1::LogChunk {
            request: number,
            lines,
            last,
            error,
        })),
    };
    let Ok(key) = request
        .assignment
        .parse::<AssignmentId>()
        .map_err(drop)
        .and_then(|id| key(id).map_err(drop))
    else {
        let _ = to.send(chunk(Vec::new(), true, "no such assignment".to_owned())).await;
        return;
    };
    let query = LogQuery {
        tail: Some(request.tail.min(MAX_TAIL) as usize),
        since: (request.since_micros > 0).then_some(request.since_micros),
        previous: request.previous,
        follow: request.follow,
        max_bytes: (!request.follow).then_some(MAX_BYTES),
    };
    let mut pieces = std::pin::pin!(tokio_stream::StreamExt::chunks_timeout(
        launcher.logs(&key, query),
        PIECE,
        GATHER
    ));
    while let Some(piece) = pieces.next().await {
        let mut lines = Vec::with_capacity(piece.len());
        let mut trouble = String::new();
        for line in piece {
            match line {
                Ok(line) => lines.push(v1::LogLine {
                    at_micros: line.at_micros,
                    stderr: line.stream == Stream::Stderr,
                    text: line.text.chars().take(MAX_LINE).collect(),
                }),
                Err(error) => trouble = chain(&error),
            }
        }
        let broken = !trouble.is_empty();
        if to.send(chunk(lines, broken, trouble)).await.is_err() || broken {
            return;
        }
    }
    let _ = to.send(chunk(Vec::new(), true, String::new())).await;
}
