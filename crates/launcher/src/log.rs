use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::LaunchError;

/// Which output of the job a line was written to.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One line of a job's output.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When its end was read, in microseconds since the Unix epoch.
    pub at_micros: i64,
    /// Where it was written to.
    pub stream: Stream,
    /// The text without its newline; bytes that are not UTF-8 are replaced. A line of more than
    /// 1 MiB comes as several.
    pub text: String,
}

/// Which part of a job's log is wanted. The default is all that is kept.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Begin this many lines before the end.
    pub tail: Option<usize>,
    /// Only lines from then on, in microseconds since the Unix epoch.
    pub since: Option<i64>,
    /// Of the container before its last restart, where jobs run as containers that restart.
    pub previous: bool,
    /// Go on with new lines until the job has ended and all is read.
    pub follow: bool,
    /// End once this many bytes of text have been sent (the line that reaches it is still sent).
    pub max_bytes: Option<u64>,
}

/// The lines of a log, oldest first. Dropping it ends the reading.
pub type LogStream = BoxStream<'static, Result<LogLine, LaunchError>>;
