//! Watches a job that runs: is it ready, and how far has it come?

use std::{collections::BTreeMap, time::Duration};

use flow_domain::{AssignmentSpec, AssignmentState, Progress, Reason, profile::ProgressSource};
use tokio::time::Instant;

use super::{Worker, endpoints};
use crate::{follow::Follower, probe::Asked};

/// How often a status page is asked.
const ASK: Duration = Duration::from_millis(500);

impl Worker {
    /// The job runs: is it ready, and how far is it?
    pub(super) async fn watch(&mut self, spec: &AssignmentSpec) {
        if self.status.state < AssignmentState::Running {
            self.becomes(AssignmentState::Running, Reason::ProcessRunning, "its process runs");
            self.follower = None;
        }
        self.recovered(Reason::ProcessRunning, "its process runs");
        let follower = self
            .follower
            .get_or_insert_with(|| Follower::start(&self.shared.launcher, &self.key, spec));
        let by_log = follower.told.ready();
        self.take_progress(spec);
        if self.asked_at.is_some_and(|at| at.elapsed() < ASK) && self.status.ready {
            return;
        }
        self.asked_at = Some(Instant::now());
        let at = match &self.status.endpoints {
            Some(at) => at.clone(),
            // An agent that was restarted asks the launcher again: prepare answers the same as the first time.
            None => {
                let prepare = self.shared.household.prepare(spec);
                match self.shared.launcher.prepare(&self.key, &prepare).await {
                    Ok(prepared) => endpoints(&prepared),
                    Err(error) => return self.trouble("find its ports", &error),
                }
            }
        };
        self.status.endpoints = Some(at.clone());
        let job = Asked {
            launcher: &*self.shared.launcher,
            key: &self.key,
            at: &at,
        };
        if !self.status.ready {
            match self.shared.probe.is_ready(&spec.launch.ready, job, by_log).await {
                Ok(()) => {
                    self.status.ready = true;
                    self.status.message = "its process runs".to_owned();
                }
                Err(missing) => self.status.message = missing,
            }
        }
        if let Some(members) = self.shared.probe.members(spec, job).await {
            if !members.strangers.is_empty() {
                let names = members.strangers.join(", ");
                tracing::warn!(assignment = %self.id, names, "somebody who is no member has registered");
                self.status.message = format!("somebody who is no member of this run has registered: {names}");
            }
            self.status.members = members.known;
        }
    }

    pub(super) fn take_progress(&mut self, spec: &AssignmentSpec) {
        if let Some(follower) = &self.follower {
            self.status.progress.merge(&follower.told.progress());
        }
        // A log speaks for its own role; where that is the source of progress, its round is everybody's.
        if let Some(ProgressSource::Log { .. }) = &spec.launch.progress {
            let shared_round = Progress {
                metrics: BTreeMap::new(),
                ..self.status.progress.clone()
            };
            for peer in &spec.peers {
                self.status.members.insert(peer.party.clone(), shared_round.clone());
            }
        }
    }

    pub(super) async fn take_progress_to_the_end(&mut self, spec: &AssignmentSpec) {
        let launcher = &self.shared.launcher;
        let follower = self
            .follower
            .get_or_insert_with(|| Follower::start(launcher, &self.key, spec));
        follower.finish().await;
        self.take_progress(spec);
    }
}
