//! The link to the server: dials, says who it is, is told what is wanted, reports what there is. For ever, with back-off.

mod ask;
mod session;

use std::{pin::Pin, sync::Arc, time::Duration};

use flow_daemon::error::chain;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

pub use self::ask::AskError;
pub(crate) use self::ask::Questions;
use self::session::Session;
use crate::agent::Agent;

/// Opens a connection to the server.
pub type Dial =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Channel, tonic::transport::Error>> + Send>> + Send + Sync>;

/// Waits between tries: from the first to the last, each twice the one before, with jitter.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// A session that held this long was a good one: the next try starts with the first pause again.
const GOOD: Duration = Duration::from_secs(10);

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the server cannot be reached")]
    Unreachable(#[from] tonic::transport::Error),
    #[error("the server did not answer in time")]
    Timeout,
    #[error("the server closed the stream")]
    Closed,
    #[error("{}", .0.message())]
    Status(Box<tonic::Status>),
    #[error("the server broke the protocol: {0}")]
    Protocol(String),
}

impl From<tonic::Status> for Ended {
    fn from(status: tonic::Status) -> Self {
        Self::Status(Box::new(status))
    }
}

/// What watches the link: told when the agent is attached and when it is not.
pub type OnLink = Arc<dyn Fn(Result<(), String>) + Send + Sync>;

/// Keeps the agent attached until `end`.
pub async fn run(agent: Agent, dial: Dial, on_link: OnLink, end: CancellationToken) {
    let mut pause = FIRST_PAUSE;
    loop {
        let begun = Instant::now();
        let ended = tokio::select! {
            () = end.cancelled() => return,
            ended = session(&agent, &dial, &on_link) => ended,
        };
        let reason = chain(&ended);
        on_link(Err(reason.clone()));
        if begun.elapsed() >= GOOD {
            pause = FIRST_PAUSE;
        }
        let jittered = pause.mul_f64(agent.shared.ambient.chance.jitter());
        tracing::warn!(party = %agent.party, reason, again_in = ?jittered, "not attached to the server; jobs run on");
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(jittered) => {}
        }
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

async fn session(agent: &Agent, dial: &Dial, on_link: &OnLink) -> Ended {
    let mut session = match Session::open(agent, dial).await {
        Ok(session) => session,
        Err(ended) => return ended,
    };
    on_link(Ok(()));
    session.takes_questions();
    match session.serve().await {
        Ok(()) => Ended::Closed,
        Err(ended) => ended,
    }
}
