use std::{collections::VecDeque, time::Duration};

use futures::{StreamExt, stream};

use super::cursor::Cursor;
use crate::{
    LaunchError, LogLine, LogQuery, LogStream,
    process::{blocking, dir::AssignmentDir, settle},
};

/// How often a follower looks for more.
const POLL: Duration = Duration::from_millis(200);

/// The log of the assignment in `dir` as a stream. No thread is held while it waits.
pub(crate) fn stream(dir: AssignmentDir, query: LogQuery) -> LogStream {
    let reading = Reading {
        dir,
        query,
        cursor: None,
        lines: VecDeque::new(),
        sent: 0,
        // A process is never started twice.
        done: query.previous,
    };
    stream::unfold(reading, Reading::next).boxed()
}

struct Reading {
    dir: AssignmentDir,
    query: LogQuery,
    cursor: Option<Cursor>,
    lines: VecDeque<LogLine>,
    /// Bytes of text.
    sent: u64,
    done: bool,
}

impl Reading {
    async fn next(mut self) -> Option<(Result<LogLine, LaunchError>, Self)> {
        loop {
            if self.query.max_bytes.is_some_and(|limit| self.sent >= limit) {
                return None;
            }
            if let Some(line) = self.lines.pop_front() {
                if self.query.since.is_some_and(|since| line.at_micros < since) {
                    continue;
                }
                self.sent += line.text.len() as u64;
                return Some((Ok(line), self));
            }
            if self.done {
                return None;
            }
            let cursor = self.cursor.take();
            let (dir, query) = (self.dir.clone(), self.query);
            match blocking(move || look(&dir, query, cursor)).await {
                Ok(look) => {
                    self.cursor = Some(look.cursor);
                    self.lines = look.lines.into();
                    self.done = self.lines.is_empty() && look.ended;
                }
                Err(error) => {
                    self.done = true;
                    return Some((Err(error), self));
                }
            }
            if self.lines.is_empty() && !self.done {
                tokio::time::sleep(POLL).await;
            }
        }
    }
}

struct Look {
    cursor: Cursor,
    lines: Vec<LogLine>,
    /// Nothing will come after `lines` once they are empty.
    ended: bool,
}

fn look(dir: &AssignmentDir, query: LogQuery, cursor: Option<Cursor>) -> Result<Look, LaunchError> {
    let unreadable = |error| LaunchError::io("read the log in", dir.log())(error);
    // Before reading: the end is written down after the last line.
    let ended = !query.follow || settle::cannot_change(dir)?;
    let mut cursor = match cursor {
        Some(cursor) => cursor,
        None => Cursor::open(dir.log(), query.tail).map_err(unreadable)?,
    };
    let lines = cursor.next_batch().map_err(unreadable)?;
    Ok(Look { cursor, lines, ended })
}
