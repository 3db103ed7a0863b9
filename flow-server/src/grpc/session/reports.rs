//! Takes what the agent reports.

use std::collections::BTreeMap;

use flow_domain::{RunId, assignment::Report};
use flow_proto::v1;

use super::{Ended, Session, patience::FIRST_PAUSE};

impl Session {
    pub(super) async fn reports(&mut self, reports: Vec<v1::Report>) -> Result<(), Ended> {
        if reports.len() > flow_proto::MAX_BATCH {
            return Err(Ended::Protocol(format!("{} reports in one message", reports.len())));
        }
        // What one message tells of one run is one change.
        let mut told: BTreeMap<RunId, Vec<Report>> = BTreeMap::new();
        for wire in reports {
            // A session's reports are numbered: what comes again, or late, is old.
            if wire.sequence <= self.sequence {
                tracing::debug!(party = %self.attachment.party, sequence = wire.sequence, "old report");
                continue;
            }
            self.sequence = wire.sequence;
            let report = flow_proto::report(wire).map_err(|error| Ended::Protocol(error.to_string()))?;
            // What the agent was not told of is not its own, or is over: it will stop that by itself.
            match self.told.run_of(report.assignment) {
                Some(run) => told.entry(run).or_default().push(report),
                None => {
                    let party = &self.attachment.party;
                    tracing::debug!(%party, assignment = %report.assignment, state = %report.state, "report of what is not wanted any more");
                }
            }
        }
        for (run, reports) in told {
            self.report(run, &reports).await?;
        }
        Ok(())
    }

    async fn report(&mut self, run: RunId, reports: &[Report]) -> Result<(), Ended> {
        let party = &self.attachment.party;
        let mut pause = FIRST_PAUSE;
        loop {
            match self.link.engine.report(run, party, reports).await {
                Ok(unfit) => {
                    for unfit in unfit {
                        tracing::warn!(%party, %unfit, "report refused");
                    }
                    return Ok(());
                }
                Err(error) if error.is_away() => self.wait(&mut pause, &error).await?,
                Err(error) => return Err(error.into()),
            }
        }
    }
}
