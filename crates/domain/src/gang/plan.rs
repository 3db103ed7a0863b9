//! The planner: one function, called until nothing changes.

use super::{Event, Gang, Planned};
use crate::{
    assignment::{self, Assignment, AssignmentState, Desired},
    party::Parties,
    phase::Phase,
    reason::Reason,
    run::{self, Outcome, Run, RunState},
    time::Timestamp,
};

/// A planner that broke a state machine's rule: always a fault of the platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// On the run.
    #[error(transparent)]
    Run(#[from] run::IllegalStep),
    /// On an assignment.
    #[error(transparent)]
    Assignment(#[from] assignment::IllegalStep),
    /// It did not come to rest.
    #[error("planning run {0} does not come to rest")]
    Restless(crate::ids::RunId),
}

/// The most steps of one planning: more than any gang has transitions at one instant.
const MAX_STEPS: usize = 32;

/// What to store instead of `gang`, or nothing if it is right as it is.
///
/// # Errors
/// Only if the planner itself is wrong; the gang stays as it was then.
pub fn plan(gang: &Gang, parties: &Parties, now: Timestamp) -> Result<Option<Planned>, PlanError> {
    let mut work = Work::new(gang, parties, now);
    work.come_to_rest()?;
    Ok(work.planned(gang))
}

/// When the gang is to be planned again though nothing else happens; `None` once it is final.
pub fn wake_at(gang: &Gang, parties: &Parties) -> Option<Timestamp> {
    let run = &gang.run;
    let stall = (run.state == RunState::Running).then(|| run.progress_at.after(run.spec.policies.deadlines.stall()));
    let offline = gang
        .current()
        .filter(|a| !a.state.is_terminal())
        .filter_map(|a| parties.offline_since(&a.party))
        .map(|since| since.after(run.spec.policies.deadlines.offline()))
        .min();
    let back_off = run.not_before.filter(|_| run.state == RunState::Queued);
    [run.deadline, stall, offline, back_off].into_iter().flatten().min()
}

/// A gang on its way from what is stored to what should be.
pub(super) struct Work<'a> {
    pub(super) gang: Gang,
    pub(super) events: Vec<Event>,
    pub(super) parties: &'a Parties,
    pub(super) now: Timestamp,
}

impl<'a> Work<'a> {
    pub(super) fn new(gang: &Gang, parties: &'a Parties, now: Timestamp) -> Self {
        Self {
            gang: gang.clone(),
            events: Vec::new(),
            parties,
            now,
        }
    }

    pub(super) fn planned(self, before: &Gang) -> Option<Planned> {
        let changed = self.gang != *before;
        changed.then_some(Planned {
            gang: self.gang,
            events: self.events,
        })
    }

    pub(super) fn come_to_rest(&mut self) -> Result<(), PlanError> {
        for _ in 0..MAX_STEPS {
            if !self.step()? {
                return Ok(());
            }
        }
        Err(PlanError::Restless(self.gang.run.id))
    }

    /// One step; false if there was nothing to do.
    fn step(&mut self) -> Result<bool, PlanError> {
        match self.gang.run.state {
            RunState::AwaitingApproval => self.awaiting_approval(),
            RunState::Queued => self.queued(),
            RunState::Preparing => self.preparing(),
            RunState::Starting => self.starting(),
            RunState::Running => self.running(),
            RunState::Completing => self.completing(),
            _ => Ok(false),
        }
    }

    pub(super) fn run_becomes(
        &mut self,
        to: RunState,
        reason: Reason,
        message: impl Into<String>,
    ) -> Result<(), PlanError> {
        let message = message.into();
        self.gang.run.step(to, reason, message.clone(), self.now)?;
        self.events.push(Event {
            at: self.now,
            assignment: None,
            state: to.to_string(),
            reason,
            message,
        });
        Ok(())
    }

    /// Says anew why the run is in its state; true if that is news.
    pub(super) fn run_says(&mut self, reason: Reason, message: String) -> bool {
        let Run {
            reason: old_reason,
            message: old_message,
            state,
            ..
        } = &mut self.gang.run;
        if (*old_reason, &*old_message) == (reason, &message) {
            return false;
        }
        *old_reason = reason;
        old_message.clone_from(&message);
        self.events.push(Event {
            at: self.now,
            assignment: None,
            state: state.to_string(),
            reason,
            message,
        });
        true
    }

    fn queued(&mut self) -> Result<bool, PlanError> {
        let run = &self.gang.run;
        if run.cancel_requested {
            self.run_becomes(
                RunState::Cancelled,
                Reason::CancelledByUser,
                "cancelled while it was queued",
            )?;
            return Ok(true);
        }
        if run.not_before.is_some_and(|at| at > self.now) {
            return Ok(false);
        }
        let over = self.gang.run.not_before.take().is_some();
        if self.expired() {
            let run = &self.gang.run;
            let queued = self.now.since(run.queued_since);
            let message = format!("queued for {queued}: {}", run.message);
            self.run_becomes(RunState::TimedOut, Reason::QueueDeadlineExceeded, message)?;
            return Ok(true);
        }
        // When it begins is the queue's to decide.
        Ok(over)
    }

    fn preparing(&mut self) -> Result<bool, PlanError> {
        if self.decide("prepared", Outcome::TimedOut, Reason::PrepareDeadlineExceeded)? {
            return Ok(true);
        }
        if self.gang.members().any(|a| a.state == AssignmentState::Pending) {
            return Ok(false);
        }
        let message = "all participants are prepared; the aggregation role starts first".to_owned();
        self.run_becomes(RunState::Starting, Reason::WaitingForReady, message)?;
        Ok(true)
    }

    fn starting(&mut self) -> Result<bool, PlanError> {
        let phase = self.gang.run.start.phase;
        if self.decide(phase.aim(), Outcome::TimedOut, phase.expiry())? {
            return Ok(true);
        }
        if self.start_next() {
            return Ok(true);
        }
        let (phase, now) = (self.start_phase(), self.now);
        if self.gang.run.start_phase(phase, now) {
            return Ok(true);
        }
        let waiting: Vec<String> = self.gang.members().filter_map(|a| self.waits_for(a)).collect();
        if !waiting.is_empty() {
            let all_up = self.gang.members().all(|a| a.is_up() || a.state.is_terminal());
            let reason = if all_up {
                Reason::WaitingForRegistration
            } else {
                Reason::WaitingForReady
            };
            return Ok(self.run_says(reason, format!("waits for {}", waiting.join(", "))));
        }
        self.gang.run.progress_at = self.now;
        self.run_becomes(RunState::Running, Reason::Training, "all members run")?;
        Ok(true)
    }

    fn running(&mut self) -> Result<bool, PlanError> {
        if self.decide("ended", Outcome::TimedOut, Reason::RunDeadlineExceeded)? {
            return Ok(true);
        }
        let stall = self.gang.run.spec.policies.deadlines.stall();
        if self.now >= self.gang.run.progress_at.after(stall) {
            let message = format!("no member made progress for {stall}: {}", self.rounds());
            self.fail_attempt(Reason::Stalled, message, None, Outcome::Failed)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// What the members that were asked to run wait for: the first of the phases that one of them is in.
    fn start_phase(&self) -> Phase {
        let waits = |a: &Assignment| {
            if a.desired == Desired::Run && a.state < AssignmentState::Running && a.reason.is_pulling() {
                return Phase::Pulling;
            }
            let is_ready = a.state.is_terminal() || (a.is_up() && a.ready);
            if is_ready { Phase::Registering } else { Phase::Starting }
        };
        self.gang.members().map(waits).min().unwrap_or_default()
    }

    /// Starts every prepared member whose turn it is; true if there was one.
    fn start_next(&mut self) -> bool {
        let turns: Vec<_> = self
            .gang
            .members()
            .filter(|a| a.desired == Desired::Prepare && a.state == AssignmentState::Prepared && self.is_turn(a))
            .map(|a| a.id)
            .collect();
        for id in &turns {
            if let Some(member) = self.gang.assignments.iter_mut().find(|a| a.id == *id) {
                member.want(Desired::Run);
            }
        }
        !turns.is_empty()
    }

    fn is_turn(&self, member: &Assignment) -> bool {
        let profile = &self.gang.run.spec.profile;
        let before = profile.roles.get(&member.role).map(|role| role.start_after.as_slice());
        before.unwrap_or_default().iter().all(|role| {
            self.gang
                .members()
                .filter(|a| a.role == *role)
                .all(|a| a.ready || a.state == AssignmentState::Succeeded)
        })
    }

    /// What keeps a member from counting as running, in words.
    fn waits_for(&self, member: &Assignment) -> Option<String> {
        if member.state.is_terminal() {
            return None;
        }
        let label = member.label();
        if !member.is_up() {
            return Some(format!("{label} to start"));
        }
        if !member.ready {
            return Some(format!("{label} to be ready"));
        }
        let role = self.gang.run.spec.profile.roles.get(&member.role);
        let registers = role.is_some_and(|role| role.registers);
        (registers && !member.progress.registered).then(|| format!("{label} to register"))
    }

    pub(super) fn expired(&self) -> bool {
        self.gang.run.deadline.is_some_and(|deadline| deadline <= self.now)
    }

    /// `party-a in round 3, party-b in round 2`.
    fn rounds(&self) -> String {
        let data_role = self.gang.run.spec.profile.data_role();
        let rounds: Vec<String> = self
            .gang
            .members()
            .filter(|a| Some(a.role.as_str()) == data_role)
            .map(|a| format!("{} in round {}", a.party, a.progress.round))
            .collect();
        rounds.join(", ")
    }
}
