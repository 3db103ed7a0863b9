//! One agent: dials, holds a session, and dials again, with the back-off of a real one.

use std::{sync::Arc, time::Duration};

use flow_daemon::{connect::TlsConnector, tls::ReloadingTls};
use rand::Rng;
use tokio::time::Instant;
use tonic::transport::{Channel, Endpoint};

use super::{Shared, jobs::Board, session};
use crate::Outcome;

/// Waits between tries, as docs/protocol.md has them.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// A session that held this long makes the next pause the first one again.
const GOOD: Duration = Duration::from_secs(10);

/// As real agents have it.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// One agent of the swarm.
#[derive(Debug)]
pub(super) struct Agent {
    party: String,
    instance: String,
    endpoint: Endpoint,
    connector: TlsConnector,
    shared: Arc<Shared>,
}

impl Agent {
    pub(super) fn new(party: &str, tls: Arc<ReloadingTls>, shared: Arc<Shared>) -> Outcome<Self> {
        let endpoint = Endpoint::from_shared(format!("http://{}", shared.link))?
            .connect_timeout(Duration::from_secs(10))
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .keep_alive_while_idle(true);
        Ok(Self {
            party: party.to_owned(),
            instance: uuid::Uuid::new_v4().simple().to_string(),
            endpoint,
            connector: TlsConnector::new(tls, shared.trust_domain.clone()),
            shared,
        })
    }

    /// Stays attached for ever.
    pub(super) async fn run(self) {
        let mut board = Board::default();
        let mut pause = FIRST_PAUSE;
        loop {
            let begun = Instant::now();
            // Why it ended is in the server's log; here it is dialled again, whatever the reason.
            let _ = self.session(&mut board).await;
            if begun.elapsed() >= GOOD {
                pause = FIRST_PAUSE;
            }
            let jittered = pause.mul_f64(rand::rng().random_range(0.5..1.5));
            tokio::time::sleep(jittered).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    async fn session(&self, board: &mut Board) -> Outcome {
        let hello = flow_proto::v1::Hello {
            protocol_min: *flow_proto::PROTOCOL.start(),
            protocol_max: *flow_proto::PROTOCOL.end(),
            agent_version: flow_daemon::version().to_owned(),
            party: self.party.clone(),
            instance: self.instance.clone(),
            datasets: Vec::new(),
            capacity: Some(flow_proto::v1::Capacity {
                runs: self.shared.runs,
                ..flow_proto::v1::Capacity::default()
            }),
            ..flow_proto::v1::Hello::default()
        };
        let turn = self.shared.connecting.acquire().await?;
        let channel = self.dial().await?;
        let opened = session::open(channel, hello).await?;
        drop(turn);
        opened.serve(board, &self.shared).await
    }

    async fn dial(&self) -> Outcome<Channel> {
        Ok(self.endpoint.connect_with_connector(self.connector.clone()).await?)
    }
}
