//! Answers what the agent asks.

use flow_proto::v1::{self, from_server::Message as FromServer};

use super::Session;
use crate::grpc::{desired::message, tasks};

impl Session {
    /// Answers beside the reports, which do not wait for it. Agents ask one question at a time.
    pub(super) fn answer(&mut self, query: v1::TaskQuery) {
        if self.asked.as_ref().is_some_and(|asked| !asked.is_finished()) {
            tracing::debug!(party = %self.attachment.party, "a question while another one is answered");
            return;
        }
        let (services, party) = (self.link.services.clone(), self.attachment.party.clone());
        let outbound = self.outbound.clone();
        self.asked = Some(tokio::spawn(async move {
            let page = tasks::task_page(&services, &party, query).await;
            // Whoever has gone meanwhile asks again.
            let _ = outbound.send(Box::new(message(FromServer::TaskPage(page)))).await;
        }));
    }
}
