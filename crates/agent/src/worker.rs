//! One assignment: again and again, what is there is compared with what is wanted, and the next step is taken.

mod starting;
mod watching;

use std::{sync::Arc, time::Duration};

use flow_daemon::error::chain;
use flow_domain::{AssignmentId, AssignmentSpec, AssignmentState, Desired, Reason, spec::Endpoints};
use flow_launcher::{Key, LaunchError, Observed, Prepared};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use crate::{agent::Shared, board::Status, exit, follow::Follower, policy::Refusal};

/// How often the world is looked at.
const TICK: Duration = Duration::from_millis(150);

/// What the server wants of the assignment.
#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    /// This.
    Thus {
        generation: u64,
        desired: Desired,
        spec: Arc<AssignmentSpec>,
    },
    /// Nothing any more: stop it if it runs, give back what it holds.
    Gone,
}

impl Wanted {
    /// Whether it says the same as another.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let of = |wanted: &Self| match wanted {
            Self::Gone => None,
            Self::Thus {
                generation, desired, ..
            } => Some((*generation, *desired)),
        };
        of(self) == of(other)
    }
}

/// Works on one assignment until nothing of it is left, or the agent ends.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    id: AssignmentId,
    key: Key,
    status: Status,
    follower: Option<Follower>,
    asked_at: Option<Instant>,
    stop_asked: bool,
    slot: Option<tokio::sync::OwnedSemaphorePermit>,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, id: AssignmentId, key: Key) -> Self {
        Self {
            shared,
            id,
            key,
            status: Status::pending(),
            follower: None,
            asked_at: None,
            stop_asked: false,
            slot: None,
        }
    }

    /// Runs until the assignment is gone, or `end`: a restarted agent takes it up again.
    pub(crate) async fn run(&mut self, wanted: &mut watch::Receiver<Wanted>, end: &CancellationToken) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let now_wanted = wanted.borrow_and_update().clone();
            let over = match &now_wanted {
                Wanted::Gone => self.clear_away().await,
                Wanted::Thus {
                    generation,
                    desired,
                    spec,
                } => {
                    self.step(*generation, *desired, spec).await;
                    false
                }
            };
            if over {
                return;
            }
            tokio::select! {
                () = end.cancelled() => return,
                changed = wanted.changed() => if changed.is_err() { return },
                _ = tick.tick() => {}
            }
        }
    }

    /// One step towards what is wanted.
    async fn step(&mut self, generation: u64, desired: Desired, spec: &AssignmentSpec) {
        self.status.generation = generation;
        if !self.status.state.is_terminal() {
            match self.shared.launcher.observe(&self.key).await {
                Ok(observed) => self.towards(desired, spec, observed).await,
                Err(error) => self.trouble("look at the job", &error),
            }
        }
        self.shared.board.put(self.id, self.status.clone());
    }

    async fn towards(&mut self, desired: Desired, spec: &AssignmentSpec, observed: Observed) {
        // What is taken up again after a restart of the agent holds its place, even if that is one too many.
        let holds = matches!(
            observed,
            Observed::Prepared(_) | Observed::Waiting { .. } | Observed::Running { .. }
        );
        if self.slot.is_none() && holds {
            self.slot = self.shared.slots.clone().try_acquire_owned().ok();
        }
        match (desired, observed) {
            (_, Observed::Exited(exit)) => {
                self.take_progress_to_the_end(spec).await;
                exit::describe(&mut self.status, &exit, spec, desired, &self.shared.launcher, &self.key).await;
                self.log_state();
            }
            (_, Observed::Lost { message }) => self.end(AssignmentState::Failed, Reason::SupervisorLost, message),
            (Desired::Prepare, Observed::Absent) => self.prepare(spec).await,
            (Desired::Prepare, Observed::Prepared(prepared)) => self.prepared(&prepared),
            (Desired::Run, Observed::Absent) => {
                let message = "what was prepared or started is gone: somebody at the party removed it";
                self.end(AssignmentState::Failed, Reason::JobRemoved, message);
            }
            (Desired::Run, Observed::Prepared(prepared)) => self.start(spec, &prepared).await,
            (Desired::Stop, Observed::Absent) => self.end(
                AssignmentState::Stopped,
                Reason::StoppedOnRequest,
                "nothing was started",
            ),
            (Desired::Stop, Observed::Prepared(_)) => self.stop(spec).await,
            (Desired::Stop, Observed::Running { .. }) => {
                self.stop(spec).await;
                self.take_progress(spec);
            }
            (Desired::Stop, Observed::Waiting { .. }) => self.stop(spec).await,
            (Desired::Prepare | Desired::Run, Observed::Waiting { reason, message }) => self.waits(&reason, message),
            (Desired::Prepare | Desired::Run, Observed::Running { .. }) => self.watch(spec).await,
        }
    }

    async fn stop(&mut self, spec: &AssignmentSpec) {
        if self.stop_asked {
            return;
        }
        match self.shared.launcher.stop(&self.key, spec.grace.std()).await {
            Ok(()) => {
                self.stop_asked = true;
                tracing::info!(assignment = %self.id, "asked to stop");
            }
            Err(error) => self.trouble("stop the job", &error),
        }
    }

    /// Nothing is wanted any more: true once nothing is left.
    async fn clear_away(&mut self) -> bool {
        let launcher = &self.shared.launcher;
        match launcher.observe(&self.key).await {
            Ok(Observed::Waiting { .. } | Observed::Running { .. }) => {
                if !self.stop_asked {
                    tracing::info!(assignment = %self.id, "stopping what nobody wants any more");
                    self.stop_asked = launcher.stop(&self.key, self.shared.orphan_grace).await.is_ok();
                }
                return false;
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(assignment = %self.id, error = %chain(&error), "cannot look at the job; trying again");
                return false;
            }
        }
        self.slot = None;
        self.shared.leftovers.remove(self.id);
        if let Err(error) = launcher.release(&self.key).await {
            tracing::warn!(assignment = %self.id, error = %chain(&error), "cannot give back its ports; trying again");
            return false;
        }
        self.shared.board.remove(self.id);
        self.shared.retire(self.id).await;
        true
    }

    fn refuse(&mut self, refusal: Refusal) {
        // A refusal after the prepare can only be a failure: others count on this member by then.
        let state = if self.status.state == AssignmentState::Pending {
            AssignmentState::Rejected
        } else {
            AssignmentState::Failed
        };
        self.end(state, refusal.reason, refusal.message);
    }

    /// Something that may work the next time: said, and tried again until the phase's deadline.
    fn trouble(&mut self, what: &str, error: &LaunchError) {
        let (reason, message) = match error {
            LaunchError::KubernetesUnavailable { .. } | LaunchError::KubernetesSilent { .. } => {
                (Reason::KubernetesUnavailable, format!("cannot {what}: {error}"))
            }
            LaunchError::KubernetesRefused { code, message, .. } => {
                let reason = if message.contains("exceeded quota") {
                    Reason::QuotaExceeded
                } else if *code == 403 {
                    Reason::AdmissionDenied
                } else {
                    Reason::ApplyFailed
                };
                (reason, format!("cannot {what}: {message}"))
            }
            _ => {
                let kind = error.kind();
                let message = format!("cannot {what} ({kind:?}): see the log of this party's agent");
                (Reason::AgentError, message)
            }
        };
        if self.status.message != message {
            tracing::warn!(assignment = %self.id, what, error = %chain(error), "trouble with the job; trying again");
        }
        self.status.reason = reason;
        self.status.message = message;
    }

    /// The trouble of before is over.
    fn recovered(&mut self, reason: Reason, message: &str) {
        if matches!(self.status.reason, Reason::KubernetesUnavailable | Reason::AgentError) {
            self.status.reason = reason;
            self.status.message = message.to_owned();
        }
    }

    fn end(&mut self, state: AssignmentState, reason: Reason, message: impl Into<String>) {
        self.status.exited_at = self
            .status
            .exited_at
            .or(Some(crate::clock::now(&self.shared.ambient.clock)));
        self.status.ready = false;
        self.becomes(state, reason, message);
    }

    fn becomes(&mut self, state: AssignmentState, reason: Reason, message: impl Into<String>) {
        if (self.status.state, self.status.reason) == (state, reason) {
            return;
        }
        self.status.state = state;
        self.status.reason = reason;
        self.status.message = message.into();
        self.log_state();
    }

    fn log_state(&self) {
        let Status {
            state, reason, message, ..
        } = &self.status;
        tracing::info!(assignment = %self.id, %state, %reason, detail = message, "assignment changed");
    }
}

fn endpoints(prepared: &Prepared) -> Endpoints {
    Endpoints {
        host: prepared.host.clone(),
        ports: prepared.ports.clone(),
        tls: prepared.tls,
    }
}
