//! Why an agent cannot start.

use std::path::PathBuf;

use flow_launcher::LaunchError;

/// Why an agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// What the party says of itself is not right.
    #[error("agent.labels: {0}")]
    Labels(String),
    /// Its data folder cannot be used.
    #[error("cannot use the agent's data folder {path}: check that it exists and may be written")]
    DataFolder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Its HTTP client cannot be made.
    #[error("cannot make the HTTP client for probes")]
    Probe(#[source] reqwest::Error),
    /// Its launcher cannot be used.
    #[error("cannot use the launcher")]
    Launcher(#[source] LaunchError),
}
