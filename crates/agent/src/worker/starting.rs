//! Brings a job to run: prepared, started, waited for.

use flow_daemon::error::chain;
use flow_domain::{AssignmentSpec, AssignmentState, Reason, queue::Capacity};
use flow_launcher::{LaunchErrorKind, Prepared};

use super::{Worker, endpoints};
use crate::{exit, leftovers::Obstacle, policy::Refusal};

impl Worker {
    pub(super) async fn prepare(&mut self, spec: &AssignmentSpec) {
        if let Err(refusal) = self.shared.household.check(spec) {
            return self.refuse(refusal);
        }
        // Where there is no limit, nothing is in anything's way.
        let is_limited = self.shared.household.config.capacity != Capacity::default();
        match self.shared.leftovers.obstacle().filter(|_| is_limited) {
            None => {}
            Some(Obstacle::Jobs(jobs)) => {
                self.status.reason = Reason::CapacityExceeded;
                let jobs = if jobs == 1 {
                    "a job".to_owned()
                } else {
                    format!("{jobs} jobs")
                };
                self.status.message = format!("waits for {jobs} to end that nobody wants any more");
                return;
            }
            Some(Obstacle::Unknown) => {
                if let Err(error) = self.shared.launcher.list().await {
                    self.trouble("look at what is here", &error);
                }
                return;
            }
        }
        if self.slot.is_none() {
            match self.shared.slots.clone().try_acquire_owned() {
                Ok(slot) => self.slot = Some(slot),
                Err(_) => {
                    self.status.reason = Reason::CapacityExceeded;
                    let most = self.shared.household.config.policy.max_assignments;
                    self.status.message = format!("waits for a free place: {most} of {most} are taken");
                    return;
                }
            }
        }
        let prepare = self.shared.household.prepare(spec);
        match self.shared.launcher.prepare(&self.key, &prepare).await {
            Ok(prepared) => self.prepared(&prepared),
            Err(error) if error.kind() == LaunchErrorKind::PortsExhausted => {
                self.status.reason = Reason::PortsExhausted;
                self.status.message = error.to_string();
            }
            Err(error) if error.kind() == LaunchErrorKind::NameTaken => {
                self.status.reason = Reason::CapacityExceeded;
                self.status.message = error.to_string();
            }
            Err(error) if error.is_retryable() => self.trouble("prepare", &error),
            Err(error) => self.refuse(Refusal::new(Reason::SpecInvalid, error.to_string())),
        }
    }

    /// It was started, and something is before its process.
    pub(super) fn waits(&mut self, reason: &str, message: String) {
        let reason = exit::known(reason);
        let message = if message.is_empty() {
            reason.meaning().to_owned()
        } else {
            message
        };
        if self.status.state < AssignmentState::Running {
            self.becomes(AssignmentState::Starting, reason, message.clone());
            self.status.message = message;
        }
    }

    pub(super) fn prepared(&mut self, prepared: &Prepared) {
        self.status.endpoints = Some(endpoints(prepared));
        if self.status.state == AssignmentState::Pending {
            self.becomes(
                AssignmentState::Prepared,
                Reason::WaitingForTurn,
                "checked and reserved",
            );
        }
    }

    pub(super) async fn start(&mut self, spec: &AssignmentSpec, prepared: &Prepared) {
        self.prepared(prepared);
        let launch = match self.shared.household.launch(spec, prepared) {
            Ok(launch) => launch,
            Err(refusal) => return self.refuse(refusal),
        };
        self.becomes(
            AssignmentState::Starting,
            Reason::WaitingForReady,
            "starting its process",
        );
        // Others may wait for this word; it does not wait for the process.
        self.shared.board.put(self.id, self.status.clone());
        match self.shared.launcher.start(&self.key, &launch).await {
            Ok(()) => {
                tracing::info!(assignment = %self.id, role = spec.role, run = %spec.run, attempt = spec.attempt, "started")
            }
            Err(error) if error.is_retryable() => self.trouble("start the job", &error),
            Err(error) => {
                // Paths stay with the party: they are in its own log.
                tracing::warn!(assignment = %self.id, error = %chain(&error), "cannot start the job");
                let (reason, what) = match error.kind() {
                    LaunchErrorKind::ProgramNotFound => (Reason::ProgramNotFound, "the mapped program cannot be run"),
                    LaunchErrorKind::WorkdirUnreadable => {
                        (Reason::WorkdirUnknown, "the application folder cannot be read")
                    }
                    _ => (Reason::AgentError, "the job cannot be started"),
                };
                self.end(
                    AssignmentState::Failed,
                    reason,
                    format!("{what}: see the log of this party's agent"),
                );
            }
        }
    }
}
