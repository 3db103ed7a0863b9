use async_trait::async_trait;

use crate::Key;

/// The way to the ports of jobs that the agent cannot connect to itself. Every question is bounded in time and size.
#[async_trait]
pub trait Proxy: Send + Sync {
    /// A GET on one of the job's own ports; `None` if it does not answer.
    async fn get(&self, key: &Key, port: &str, path: &str) -> Option<Answer>;

    /// Whether others reach the job by the host and port that it was prepared with, and if not, what they get instead.
    async fn is_routed(&self, key: &Key) -> Result<(), String>;
}

/// What a job's port answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, whole.
    pub body: Vec<u8>,
}
