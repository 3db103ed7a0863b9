//! Asks another server on the same database for the log of an agent that is attached there.

use std::time::Duration;

use flow_daemon::connect::TlsConnector;
use flow_domain::{AssignmentId, PartyId};
use flow_proto::v1::{self, replica_client::ReplicaClient};
use tonic::{Streaming, transport::Endpoint};

use crate::hub::LogPart;

/// How long another server may take to be reached, and to begin with its answer.
const CONNECT: Duration = Duration::from_secs(3);
const ANSWER: Duration = Duration::from_secs(5);

/// How other servers are reached; not at all without a certificate.
#[derive(Debug, Clone, Default)]
pub struct Peers(Option<TlsConnector>);

/// Why another server did not give a log.
#[derive(Debug, thiserror::Error)]
enum Unreached {
    #[error("this server has no certificate (link.tls), so it cannot ask others")]
    NoCertificate,
    #[error("its address is none")]
    Address(#[source] tonic::transport::Error),
    #[error("it cannot be reached")]
    Connect(#[source] tonic::transport::Error),
    #[error("it did not answer in time")]
    Timeout,
    #[error("it refused")]
    Refused(#[source] Box<tonic::Status>),
}

impl Peers {
    /// Reached with this server's own certificate.
    pub(crate) fn with(connector: TlsConnector) -> Self {
        Self(Some(connector))
    }

    /// A log from the server at that address; `None` if it is not to be had, which is logged.
    pub(crate) async fn read_log(
        &self,
        address: &str,
        party: &PartyId,
        assignment: AssignmentId,
        part: LogPart,
    ) -> Option<Streaming<v1::LogChunk>> {
        match self.try_read(address, party, assignment, part).await {
            Ok(chunks) => Some(chunks),
            Err(error) => {
                let error = flow_daemon::error::chain(&error);
                tracing::warn!(%party, server = address, error, "cannot read a log from another server");
                None
            }
        }
    }

    async fn try_read(
        &self,
        address: &str,
        party: &PartyId,
        assignment: AssignmentId,
        part: LogPart,
    ) -> Result<Streaming<v1::LogChunk>, Unreached> {
        let connector = self.0.clone().ok_or(Unreached::NoCertificate)?;
        let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(Unreached::Address)?;
        let channel = endpoint
            .connect_timeout(CONNECT)
            .http2_keep_alive_interval(Duration::from_secs(10))
            .keep_alive_timeout(Duration::from_secs(10))
            .keep_alive_while_idle(true)
            .connect_with_connector(connector)
            .await
            .map_err(Unreached::Connect)?;
        let request = v1::ReadLogRequest {
            party: party.to_string(),
            log: Some(part.request(0, assignment)),
        };
        let mut client = ReplicaClient::new(channel).max_decoding_message_size(flow_proto::MAX_MESSAGE);
        let answer = tokio::time::timeout(ANSWER, client.read_log(request)).await;
        let answer = answer.map_err(|_| Unreached::Timeout)?;
        Ok(answer
            .map_err(|refused| Unreached::Refused(Box::new(refused)))?
            .into_inner())
    }
}
