//! Decides whether an attempt is over: cancelled, failed, expired or done.

use super::{
    Event,
    plan::{PlanError, Work},
};
use crate::{
    assignment::{Assignment, AssignmentState},
    policy::OnOffline,
    profile::{Placement, Restart},
    reason::Reason,
    run::{Cause, Outcome, RunState},
    time::Span,
};

impl Work<'_> {
    /// What can end an attempt in every phase, most certain first; true if anything was decided.
    pub(super) fn decide(&mut self, phase: &str, expiry: Outcome, expired: Reason) -> Result<bool, PlanError> {
        if self.gang.run.cancel_requested {
            let cause = Cause {
                reason: Reason::CancelledByUser,
                message: "cancelled by a user".to_owned(),
                assignment: None,
                party: None,
            };
            self.complete(Outcome::Cancelled, Some(cause), "cancelled by a user".to_owned())?;
            return Ok(true);
        }
        // Done comes before failed: once the completion rule is met, what happens to the rest does not matter.
        if self.gang.run.state != RunState::Preparing && self.is_complete() {
            let message = "the completion rule is met; stopping what still runs";
            self.complete(Outcome::Succeeded, None, message.to_owned())?;
            return Ok(true);
        }
        if self.give_up_absent()? {
            return Ok(true);
        }
        if let Some(failed) = self.first_failure() {
            self.member_failed(&failed)?;
            return Ok(true);
        }
        if self.expired() {
            let took = self.now.since(self.gang.run.state_since);
            let message = format!("not {phase} after {took}: {}", self.waits());
            // A longer run than allowed will not be shorter the next time.
            let last = expired == Reason::RunDeadlineExceeded;
            if last {
                let cause = self.cause(expired, message.clone(), None);
                self.complete(expiry, Some(cause), message)?;
            } else if let Some(short) = self.short() {
                self.give_back(&short, took)?;
            } else if let Some(blocked) = self.blocked() {
                let message = format!("not {phase} after {took}: {}: {}", blocked.label(), blocked.message);
                self.fail_attempt(blocked.reason, message, Some(&blocked), Outcome::Failed)?;
            } else {
                self.fail_attempt(expired, message, None, expiry)?;
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// The attempt is lost: again if a retry is left, else the end of the run.
    pub(super) fn fail_attempt(
        &mut self,
        reason: Reason,
        message: String,
        member: Option<&Assignment>,
        end: Outcome,
    ) -> Result<(), PlanError> {
        let retry = self.gang.run.has_retry() && end != Outcome::Rejected;
        let outcome = if retry { Outcome::Retry } else { end };
        let cause = self.cause(reason, message.clone(), member);
        self.complete(outcome, Some(cause), format!("{reason}: {message}"))
    }

    /// Nothing of the attempt was started, and nothing is wrong with it but that there is too little: it waits for that in the queue,
    /// where it takes nothing of others.
    fn give_back(&mut self, short: &Assignment, took: Span) -> Result<(), PlanError> {
        let message = format!("not prepared after {took}: {}: {}", short.label(), short.message);
        let cause = self.cause(short.reason, message.clone(), Some(short));
        if let Some(attempt) = self.gang.run.attempts.last_mut() {
            attempt.given_back = true;
        }
        self.complete(Outcome::Retry, Some(cause), format!("{}: {message}", short.reason))
    }

    fn cause(&self, reason: Reason, message: String, member: Option<&Assignment>) -> Cause {
        Cause {
            reason,
            message,
            assignment: member.map(|a| a.id),
            party: member.map(|a| a.party.clone()),
        }
    }

    fn member_failed(&mut self, failed: &Assignment) -> Result<(), PlanError> {
        let run = &self.gang.run;
        let placement = run.spec.profile.roles.get(&failed.role).map(|role| role.placement);
        let replaceable = run.spec.profile.restart == Restart::Member
            && placement == Some(Placement::EachParty)
            && matches!(failed.state, AssignmentState::Failed | AssignmentState::Stopped)
            && run.state != RunState::Preparing
            && run.has_retry();
        if replaceable {
            return self.replace_member(failed);
        }
        let message = format!("{}: {}", failed.label(), failed.message);
        if failed.reason == Reason::PartyOffline && run.spec.policies.on_offline == OnOffline::Fail {
            let cause = self.cause(failed.reason, message.clone(), Some(failed));
            return self.complete(Outcome::Failed, Some(cause), format!("{}: {message}", failed.reason));
        }
        let (reason, end) = match failed.state {
            AssignmentState::Rejected => (failed.reason, Outcome::Rejected),
            AssignmentState::Stopped => (Reason::ProcessKilled, Outcome::Failed),
            _ => (failed.reason, Outcome::Failed),
        };
        self.fail_attempt(reason, message, Some(failed), end)
    }

    /// What the phase waits for, in words.
    fn waits(&self) -> String {
        if self.gang.run.state != RunState::Preparing {
            return self.gang.run.message.clone();
        }
        let pending = self.gang.members().filter(|a| a.state == AssignmentState::Pending);
        let pending: Vec<String> = pending
            .map(|a| {
                format!(
                    "{} ({}{}{})",
                    a.label(),
                    a.reason,
                    if a.message.is_empty() { "" } else { ": " },
                    a.message
                )
            })
            .collect();
        format!("waits for {}", pending.join(", "))
    }

    /// A member that a shortage keeps from being prepared, where nothing else keeps any other.
    fn short(&self) -> Option<Assignment> {
        let mut pending = self.gang.members().filter(|a| a.state == AssignmentState::Pending);
        let first = pending.next().filter(|a| a.reason.is_shortage())?;
        let is_short = self.gang.run.state == RunState::Preparing && pending.all(|a| a.reason.is_shortage());
        is_short.then(|| first.clone())
    }

    /// A member that something specific keeps from starting.
    fn blocked(&self) -> Option<Assignment> {
        let waits = |a: &&Assignment| a.state < AssignmentState::Running && a.reason.is_obstacle();
        self.gang.members().find(waits).cloned()
    }

    /// The failed member that ended first: others often fail because of it.
    fn first_failure(&self) -> Option<Assignment> {
        self.gang
            .members()
            // Nobody is asked to stop before the attempt is decided: who has stopped was stopped from outside.
            .filter(|a| a.state.is_failure() || a.state == AssignmentState::Stopped)
            .min_by_key(|a| (a.exited_at.or(a.ended_at), a.index))
            .cloned()
    }

    fn is_complete(&self) -> bool {
        let completion = &self.gang.run.spec.profile.completion;
        self.gang
            .members()
            .filter(|a| completion.roles.contains(&a.role))
            .all(|a| self.gang.is_done(a))
    }

    /// Members whose agent is away for longer than the offline deadline are lost; true if there was one.
    pub(super) fn give_up_absent(&mut self) -> Result<bool, PlanError> {
        let (now, parties) = (self.now, self.parties);
        let limit = self.gang.run.spec.policies.deadlines.offline();
        self.lose(Reason::PartyOffline, |member| {
            let since = parties.offline_since(&member.party)?;
            (now >= since.after(limit)).then(|| format!("the agent of {} is offline since {since}", member.party))
        })
    }

    /// Gives up the live members for which `why` has words; true if there was one.
    pub(super) fn lose(
        &mut self,
        reason: Reason,
        why: impl Fn(&Assignment) -> Option<String>,
    ) -> Result<bool, PlanError> {
        let mut any = false;
        for member in self.gang.current_mut().filter(|a| !a.state.is_terminal()) {
            let Some(message) = why(member) else {
                continue;
            };
            member.step(AssignmentState::Lost, reason, message.clone(), self.now)?;
            self.events.push(Event {
                at: self.now,
                assignment: Some(member.id),
                state: member.state.to_string(),
                reason,
                message,
            });
            any = true;
        }
        Ok(any)
    }
}
