//! Reads a job's log from the API server, over interruptions and until its end.

use std::{io, sync::Arc, time::Duration};

use futures::{AsyncBufRead, AsyncBufReadExt as _, StreamExt as _};
use jiff::Timestamp;
use kube::api::LogParams;

use super::{client::Apis, job::CONTAINER, recent_lines::Recent, watch::Known};
use crate::{Key, LaunchError, LogLine, LogQuery, LogStream, Stream};

/// How long is waited between two tries.
const PAUSE: Duration = Duration::from_millis(500);
/// How long is waited for a reader to begin.
const PATIENCE: Duration = Duration::from_secs(15);
/// A longer line comes as several.
const MAX_LINE: usize = 1 << 20;

/// The lines of a job's log.
pub(super) fn stream(apis: Apis, known: Arc<Known>, key: Key, query: LogQuery) -> LogStream {
    let lines = async_stream::try_stream! {
        let mut place = Place::new(query);
        while let Some(over) = place.next_pod(&known, &key)? {
            if let Some(mut reader) = place.open(&apis).await? {
                while let Some(line) = place.line(&mut reader).await {
                    yield line;
                    if place.is_full() {
                        return;
                    }
                }
            }
            // What was written until the end was there to be read, if the end was known before the reading began.
            if over || !query.follow {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    lines.boxed()
}

/// How far the reading has come.
struct Place {
    query: LogQuery,
    pod: Option<String>,
    sent: u64,
    /// What was read lately.
    recent: Recent,
}

impl Place {
    fn new(query: LogQuery) -> Self {
        Self {
            query,
            pod: None,
            sent: 0,
            recent: Recent::default(),
        }
    }

    fn is_full(&self) -> bool {
        self.query.max_bytes.is_some_and(|most| self.sent >= most)
    }

    /// Finds the job's pod: whether the job has ended, or none if there is no job.
    fn next_pod(&mut self, known: &Known, key: &Key) -> Result<Option<bool>, LaunchError> {
        let job = match known.job(key) {
            Ok(job) => job,
            // A reader that has begun waits for the API server to come back.
            Err(_) if self.query.follow && self.recent.newest().is_some() => return Ok(Some(false)),
            Err(error) => return Err(error),
        };
        let Some(job) = job else { return Ok(None) };
        let Some(status) = &job.status else {
            return Ok(Some(false));
        };
        if self.pod != status.pod_name {
            self.pod.clone_from(&status.pod_name);
            self.recent = Recent::default();
        }
        Ok(Some(status.is_final()))
    }

    /// Begins to read where the last reading ended; none if there is nothing to read yet.
    async fn open(&mut self, apis: &Apis) -> Result<Option<impl AsyncBufRead + Unpin + use<>>, LaunchError> {
        let Some(pod) = &self.pod else { return Ok(None) };
        let since = self.recent.begin_again();
        let asked = self
            .query
            .since
            .and_then(|micros| Timestamp::from_microsecond(micros).ok());
        let params = LogParams {
            container: Some(CONTAINER.to_owned()),
            follow: self.query.follow,
            previous: self.query.previous,
            since_time: since.or(asked),
            tail_lines: match since {
                None => self.query.tail.and_then(|lines| i64::try_from(lines).ok()),
                Some(_) => None,
            },
            timestamps: true,
            ..LogParams::default()
        };
        match tokio::time::timeout(PATIENCE, apis.pods.log_stream(pod, &params)).await {
            Ok(Ok(reader)) => Ok(Some(Box::pin(reader))),
            // The container is not there yet (400), or not any more (404).
            Ok(Err(kube::Error::Api(status))) if matches!(status.code, 400 | 404) => Ok(None),
            Ok(Err(error)) if self.query.follow => {
                tracing::debug!(pod, %error, "cannot read the log; trying again");
                Ok(None)
            }
            Ok(Err(error)) => Err(super::client::refusal(format!("read the log of {pod}"), error)),
            Err(elapsed) => Err(LaunchError::KubernetesUnavailable {
                action: format!("read the log of {pod}"),
                source: elapsed.into(),
            }),
        }
    }

    /// The next line that was not sent yet; none at the end, or where the connection broke.
    async fn line(&mut self, reader: &mut (impl AsyncBufRead + Unpin)) -> Option<LogLine> {
        loop {
            let bytes = bounded_line(reader).await.ok()?;
            if bytes.is_empty() {
                return None;
            }
            let text = String::from_utf8_lossy(&bytes);
            let text = text.trim_end_matches(['\n', '\r']);
            let stamped = text
                .split_once(' ')
                .and_then(|(at, rest)| Some((at.parse::<Timestamp>().ok()?, rest)));
            let (at, text) = match stamped {
                Some(stamped) => stamped,
                // The rest of a line that was too long, or words of the API server's own.
                None => (self.recent.newest().unwrap_or_else(Timestamp::now), text),
            };
            if !self.recent.is_news(at, text) {
                continue;
            }
            self.sent += text.len() as u64;
            return Some(LogLine {
                at_micros: at.as_microsecond(),
                stream: Stream::Stdout,
                text: text.to_owned(),
            });
        }
    }
}

/// One line with its end, or as much of it as a line may have.
async fn bounded_line(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    loop {
        let there = reader.fill_buf().await?;
        if there.is_empty() {
            return Ok(line);
        }
        let room = MAX_LINE - line.len();
        let end = there.iter().take(room).position(|byte| *byte == b'\n').map(|at| at + 1);
        let taken = end.unwrap_or(there.len().min(room));
        line.extend_from_slice(&there[..taken]);
        reader.consume_unpin(taken);
        if end.is_some() || line.len() == MAX_LINE {
            return Ok(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(place: &mut Place, text: &str) -> Vec<String> {
        let mut reader = futures::io::BufReader::new(text.as_bytes());
        let mut lines = Vec::new();
        place.recent.begin_again();
        while let Some(line) = place.line(&mut reader).await {
            lines.push(line.text);
        }
        lines
    }

    #[tokio::test]
    async fn after_an_interruption_no_line_is_missing_or_comes_twice() {
        let mut place = Place::new(LogQuery::default());
        let first = "2026-01-01T00:00:00.1Z a\n2026-01-01T00:00:00.2Z b\n2026-01-01T00:00:00.2Z c\n";
        assert_eq!(read(&mut place, first).await, ["a", "b", "c"]);
        let again = format!("{first}2026-01-01T00:00:00.2Z d\n2026-01-01T00:00:01Z e\n");
        assert_eq!(read(&mut place, &again).await, ["d", "e"]);
        assert_eq!(read(&mut place, &again).await, [""; 0]);
    }

    #[tokio::test]
    async fn lines_are_as_they_were_written() {
        let mut place = Place::new(LogQuery::default());
        let text = "2026-01-01T00:00:00.000001Z  two  spaces \n2026-01-01T00:00:01Z \nno time\n";
        assert_eq!(read(&mut place, text).await, [" two  spaces ", "", "no time"]);
    }

    #[tokio::test]
    async fn an_endless_line_comes_in_pieces() {
        let text = format!("2026-01-01T00:00:00Z {}\n", "x".repeat(MAX_LINE + 10));
        let mut reader = futures::io::BufReader::new(text.as_bytes());
        assert_eq!(bounded_line(&mut reader).await.unwrap().len(), MAX_LINE);
        assert!(bounded_line(&mut reader).await.unwrap().ends_with(b"x\n"));
    }
}
