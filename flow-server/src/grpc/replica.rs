//! Gives other servers the logs of agents that are attached here.

use std::{pin::Pin, sync::Arc};

use flow_domain::{ErrorCode, PartyId, Timestamp};
use flow_proto::v1;
use futures::Stream;
use tonic::{Request, Response, Status};

use super::{attach::status, incoming::Caller};
use crate::hub::{Hub, LogPart};

/// The service that other servers on the same database call.
#[derive(Debug, Clone)]
pub(crate) struct Replica {
    pub(crate) hub: Arc<Hub>,
}

#[tonic::async_trait]
impl v1::replica_server::Replica for Replica {
    type ReadLogStream = Pin<Box<dyn Stream<Item = Result<v1::LogChunk, Status>> + Send>>;

    async fn read_log(&self, request: Request<v1::ReadLogRequest>) -> Result<Response<Self::ReadLogStream>, Status> {
        let caller = request.extensions().get::<Caller>();
        if !caller.is_some_and(|caller| caller.server) {
            let from = caller.map_or("", |caller| &caller.from);
            tracing::warn!(from, "refused: only another server may read logs here");
            return Err(status(ErrorCode::Forbidden, "only another server may ask for this"));
        }
        let v1::ReadLogRequest { party, log } = request.into_inner();
        let log = log.unwrap_or_default();
        let (Ok(party), Ok(assignment)) = (party.parse::<PartyId>(), log.assignment.parse()) else {
            return Err(status(ErrorCode::Invalid, "name a party and an assignment"));
        };
        let part = LogPart {
            tail: log.tail,
            since: (log.since_micros != 0).then_some(Timestamp(log.since_micros)),
            previous: log.previous,
            follow: log.follow,
        };
        let Some(mut reader) = self.hub.open_log(&party, assignment, part).await else {
            let message = format!("the agent of {party} is not attached here: it was, or will be");
            return Err(status(ErrorCode::Unavailable, message));
        };
        let chunks = async_stream::stream! {
            while let Some(chunk) = reader.next().await {
                let last = chunk.last;
                yield Ok(chunk);
                if last {
                    return;
                }
            }
        };
        Ok(Response::new(Box::pin(chunks)))
    }
}
