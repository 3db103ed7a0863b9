//! What a party is told of its own agent.

use std::path::PathBuf;

use flow_domain::{AssignmentId, PartyId};
use flow_launcher::{LaunchError, LogQuery, LogStream};
use flow_proto::v1;

use crate::{
    agent::{Agent, key},
    config::Dataset,
    journal::Journal,
    link::AskError,
};

/// A data set, as the party itself may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub place: Dataset,
    /// Whether it is there and can be read; absent where only the cluster could say.
    pub there: Option<bool>,
}

impl Agent {
    /// The party.
    #[must_use]
    pub fn party(&self) -> &PartyId {
        &self.party
    }

    /// Its record of what was asked of it.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.shared.journal
    }

    /// Its data sets by name.
    pub async fn holdings(&self) -> Vec<Holding> {
        let config = &self.shared.household.config;
        let mut holdings = Vec::with_capacity(config.datasets.len());
        for (name, place) in &config.datasets {
            let there = match place {
                Dataset::Path(path) if !config.kubernetes.enabled => Some(is_readable(path.clone()).await),
                _ => None,
            };
            holdings.push(Holding {
                name: name.clone(),
                place: place.clone(),
                there,
            });
        }
        holdings
    }

    /// An assignment's log.
    ///
    /// # Errors
    /// If the id can be nobody's.
    pub fn log(&self, id: AssignmentId, query: LogQuery) -> Result<LogStream, LaunchError> {
        Ok(self.shared.launcher.logs(&key(id)?, query))
    }

    /// Asks the server for tasks in which the party takes part.
    ///
    /// # Errors
    /// If there is no answer. What the server refuses is in its answer.
    pub async fn ask_tasks(&self, query: v1::TaskQuery) -> Result<v1::TaskPage, AskError> {
        self.shared.questions.ask(query).await
    }
}

/// Whether there is a file or folder that this user can open. A mount that hangs holds up a thread for that, not the agent.
async fn is_readable(path: PathBuf) -> bool {
    let opened = tokio::task::spawn_blocking(move || match path.is_dir() {
        true => std::fs::read_dir(path).is_ok(),
        false => std::fs::File::open(path).is_ok(),
    });
    opened.await.unwrap_or(false)
}
