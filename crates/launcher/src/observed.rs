use serde::{Deserialize, Serialize};

use crate::Prepared;

/// What is there now, whatever was asked for before.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Observed {
    /// Nothing is known about the key, or it was released without ever having been started.
    Absent,
    /// Reserved; nothing runs yet, and nothing ever ran.
    Prepared(Prepared),
    /// The job was started, and its process does not run yet.
    Waiting {
        /// Why: one word, of those of Kubernetes or of the operator.
        reason: String,
        /// Why, in a sentence.
        message: String,
    },
    /// The job runs (or is being stopped).
    Running {
        /// When it was started, in microseconds since the Unix epoch.
        since: i64,
    },
    /// The job has ended; this is final.
    Exited(Exit),
    /// The job's fate is unknown: its supervisor or the machine died under it. What was left of
    /// it has been killed. This is final.
    Lost {
        /// What happened, for people.
        message: String,
    },
}

impl Observed {
    /// Whether nothing can change any more (until the key is purged).
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Exited(_) | Self::Lost { .. })
    }
}

/// How a job ended. At most one of `code` and `signal` is there; neither, if it was never started.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The exit code; 127 with a message if the program could not be run at all.
    pub code: Option<i32>,
    /// The number of the signal that ended it.
    pub signal: Option<i32>,
    /// Its end was asked for before it came: by [`Launcher::stop`](crate::Launcher::stop), or, with
    /// a message that says so, by a SIGTERM to the supervisor (the machine shuts down). Then the
    /// code says nothing about success: an unfinished program may well exit with 0 on SIGTERM.
    pub stopped: bool,
    /// Microseconds since the Unix epoch; equal to `ended_at` if it was never started.
    pub started_at: i64,
    /// Microseconds since the Unix epoch.
    pub ended_at: i64,
    /// What ended it, where that is known to be something else than the process: one word, of those of Kubernetes or of the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is worth knowing beyond the numbers, for people.
    pub message: Option<String>,
}

impl Exit {
    /// Whether it ended by itself, with exit code 0.
    pub fn is_success(&self) -> bool {
        self.code == Some(0) && !self.stopped
    }
}
