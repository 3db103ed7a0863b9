//! A swarm of agents in this process: each has a certificate, a connection and a session of its own and speaks the real protocol
//! over mutual TLS, and answers as an agent whose jobs take no time. Nothing is launched.

mod agent;
mod jobs;
mod session;
mod watch;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use flow_pki::TrustDomain;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use self::jobs::Jobs;
use self::{agent::Agent, watch::Watch};
use crate::{Outcome, authority::Authority};

/// How long all agents may take to attach.
const ATTACH: Duration = Duration::from_secs(300);

/// How many connect at a time. A server accepts more, but what connects here competes with it for the same processors.
const CONNECTING: usize = 64;

/// Agents that stay attached until this is dropped.
#[derive(Debug)]
pub(crate) struct Swarm {
    shared: Arc<Shared>,
    tasks: TaskTracker,
    end: CancellationToken,
}

/// What all agents share.
#[derive(Debug)]
struct Shared {
    link: SocketAddr,
    trust_domain: TrustDomain,
    jobs: Jobs,
    /// How many runs each offers to take part in at a time.
    runs: Option<u32>,
    connecting: Semaphore,
    /// How many are attached and know what they are to have.
    attached: tokio::sync::watch::Sender<usize>,
    watch: Watch,
}

impl Swarm {
    /// A swarm without agents.
    pub(crate) fn new(link: SocketAddr, jobs: Jobs, runs: Option<u32>) -> Outcome<Self> {
        Ok(Self {
            shared: Arc::new(Shared {
                link,
                trust_domain: flow_pki::DEFAULT_TRUST_DOMAIN.parse()?,
                jobs,
                runs,
                connecting: Semaphore::new(CONNECTING),
                attached: tokio::sync::watch::Sender::new(0),
                watch: Watch::default(),
            }),
            tasks: TaskTracker::new(),
            end: CancellationToken::new(),
        })
    }

    /// One agent more; it attaches soon, and again whenever it has to.
    pub(crate) fn join(&self, party: &str, authority: &Authority) -> Outcome {
        let tls = authority.party(party)?;
        let agent = Agent::new(party, tls, self.shared.clone())?;
        let end = self.end.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = end.cancelled() => {}
                () = agent.run() => {}
            }
        });
        Ok(())
    }

    /// Waits until exactly this many are attached and know what they are to have.
    pub(crate) async fn attached(&self, count: usize) -> Outcome {
        let mut attached = self.shared.attached.subscribe();
        let reached = attached.wait_for(|now| *now == count);
        let in_time = tokio::time::timeout(ATTACH, reached).await.is_ok();
        match in_time {
            true => Ok(()),
            false => {
                let now = *self.shared.attached.borrow();
                Err(format!("{now} agents are attached after {ATTACH:?}, and not {count}").into())
            }
        }
    }

    /// What is seen of runs.
    pub(crate) fn watch(&self) -> &Watch {
        &self.shared.watch
    }

    /// Ends all agents.
    pub(crate) async fn leave(self) {
        self.end.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Swarm {
    fn drop(&mut self) {
        self.end.cancel();
    }
}
