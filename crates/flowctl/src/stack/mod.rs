//! The whole platform in this process: a server with its own agent, and the agents of some parties, each with a folder of
//! its own. Only the jobs are processes of their own, watched by this program under another command.

mod certificates;
mod config;

use std::{
    fs::{self, File, TryLockError},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use flow_daemon::shutdown::Shutdown;
use flow_domain::{ErrorCode, PartyId};
use flow_federate::Federate;
use flow_server::{Server, StartError};

use crate::Failure;

/// The name of every party's data set.
pub(crate) const DATASET: &str = "digits";
/// The folder of the program, as templates name it.
pub(crate) const WORKDIR: &str = "/app/digits";

/// The name of the party of that index: `party-a`, `party-b`, …
pub(crate) fn party(index: usize) -> Result<PartyId, Failure> {
    let letter = u8::try_from(index)
        .ok()
        .filter(|index| *index < 26)
        .map(|index| char::from(b'a' + index));
    letter
        .and_then(|letter| format!("party-{letter}").parse().ok())
        .ok_or_else(|| Failure::invalid("there can be 26 parties at most"))
}

/// Where everything of a stack is kept.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    root: PathBuf,
}

impl Places {
    /// Below this folder.
    pub(crate) fn below(root: PathBuf) -> Self {
        Self { root }
    }

    /// Takes the folder for this process alone, and makes it if need be.
    ///
    /// # Errors
    /// A folder that cannot be written to, or is in use by another flowctl.
    pub(crate) fn lock(&self) -> Result<Lock, Failure> {
        lock(&self.root)
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Authority, certificates and keys.
    pub(crate) fn certificates(&self) -> PathBuf {
        self.root.join("pki")
    }

    /// The server's database, and the jobs of its own agent.
    pub(crate) fn server(&self) -> PathBuf {
        self.root.join("server")
    }

    /// A party's agent and its jobs.
    pub(crate) fn agent(&self, party: &PartyId) -> PathBuf {
        self.root.join("parties").join(party.as_str()).join("agent")
    }

    /// A party's data.
    pub(crate) fn data(&self, party: &PartyId) -> PathBuf {
        self.root
            .join("parties")
            .join(party.as_str())
            .join("data")
            .join(DATASET)
    }

    /// The program that parties run.
    pub(crate) fn app(&self) -> PathBuf {
        self.root.join("app").join(DATASET)
    }
}

/// What is to be started.
pub(crate) struct Plan {
    /// Where everything is kept.
    pub places: Places,
    /// How many parties there are.
    pub parties: usize,
    /// Where REST listens.
    pub rest: SocketAddr,
    /// Where `/api/v1` listens, for clients of Iflearner Flow; nowhere if absent.
    pub legacy: Option<SocketAddr>,
    /// What jobs get when they name `python`.
    pub python: PathBuf,
}

/// A running stack.
pub(crate) struct Stack {
    server: Server,
    federates: Vec<Federate>,
    shutdown: Shutdown,
    _lock: Lock,
}

impl Stack {
    /// Starts everything. What ran in the same folder before is taken up again.
    ///
    /// # Errors
    /// A file that cannot be used, or a port that is taken. Nothing runs then.
    pub(crate) async fn start(plan: &Plan, lock: Lock, shutdown: Shutdown) -> Result<Self, Failure> {
        let mut parties = Vec::with_capacity(plan.parties);
        for index in 0..plan.parties {
            parties.push(party(index)?);
        }
        let certificates = certificates::make(&plan.places.certificates(), &parties)?;
        let server = Server::start(config::server(plan, &certificates), &shutdown)
            .await
            .map_err(cannot_start)?;
        let mut federates = Vec::with_capacity(parties.len());
        for party in &parties {
            let config = config::federate(plan, &certificates, party, server.link_addr());
            match Federate::start(config, &shutdown).await {
                Ok(federate) => federates.push(federate),
                Err(error) => {
                    shutdown.token.cancel();
                    server.join().await;
                    let failure = Failure::internal(format!("cannot start the agent of {party}"));
                    return Err(failure.because(error));
                }
            }
        }
        Ok(Self {
            server,
            federates,
            shutdown,
            _lock: lock,
        })
    }

    /// The address for clients.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.rest_addr())
    }

    /// The address for clients of Iflearner Flow, if there is one.
    pub(crate) fn legacy_url(&self) -> Option<String> {
        self.server.legacy_addr().map(|addr| format!("http://{addr}"))
    }

    /// Waits until it is told to stop, and lets everything but the jobs end.
    pub(crate) async fn join(self) {
        self.server.join().await;
        for federate in self.federates {
            federate.join().await;
        }
    }

    /// Tells it to stop, and waits as [`Self::join`].
    pub(crate) async fn stop(self) {
        self.shutdown.token.cancel();
        self.join().await;
    }
}

fn cannot_start(error: StartError) -> Failure {
    let code = match &error {
        StartError::Listen(_) => ErrorCode::Conflict,
        StartError::Open(_) | StartError::LegacyOpen(_) => ErrorCode::Invalid,
        _ => ErrorCode::Internal,
    };
    let failure = Failure::new(code, "cannot start the server").because(error);
    match code {
        ErrorCode::Conflict => failure.hint("choose another address with --rest; port 0 is any free one"),
        _ => failure,
    }
}

/// A folder that is held for one process: two stacks in it would fight over the same jobs.
#[derive(Debug)]
pub(crate) struct Lock(#[allow(dead_code, reason = "the lock is held as long as the file is open")] File);

fn lock(root: &Path) -> Result<Lock, Failure> {
    let path = root.join("lock");
    let opened = fs::create_dir_all(root).and_then(|()| File::create(&path));
    let file = opened.map_err(|error| {
        Failure::internal(format!("cannot write to {}", root.display()))
            .because(error)
            .hint("choose another folder with --dir")
    })?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => {
            let message = format!("another flowctl uses {}", root.display());
            Err(Failure::new(ErrorCode::Conflict, message).hint("end it, or choose another folder with --dir"))
        }
        Err(TryLockError::Error(error)) => {
            Err(Failure::internal(format!("cannot lock {}", path.display())).because(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parties_are_named_by_letters() {
        assert_eq!(party(0).unwrap().as_str(), "party-a");
        assert_eq!(party(25).unwrap().as_str(), "party-z");
        assert!(party(26).is_err());
    }

    #[test]
    fn a_folder_is_for_one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let held = lock(dir.path()).unwrap();
        assert_eq!(lock(dir.path()).unwrap_err().code(), Some(ErrorCode::Conflict));
        drop(held);
        assert!(lock(dir.path()).is_ok());
    }
}
