//! Attempts: how one begins, and how what is left of it is brought to an end.

use super::{
    pause,
    plan::{PlanError, Work},
};
use crate::{
    assignment::{Assignment, AssignmentState, Desired},
    ids::AssignmentId,
    progress::Progress,
    reason::Reason,
    run::{Attempt, Cause, Outcome, Run, RunState},
    spec::Member,
    time::Timestamp,
};

impl Work<'_> {
    /// Makes a fresh gang and asks everyone to prepare.
    pub(super) fn begin_attempt(&mut self) -> Result<(), PlanError> {
        let run = &mut self.gang.run;
        let number = run.attempt() + 1;
        run.attempts.push(Attempt {
            number,
            started_at: self.now,
            ended_at: None,
            cause: None,
            given_back: false,
        });
        let fresh: Vec<Assignment> = run
            .spec
            .members()
            .map(|member| assignment(run, member, 0, self.now))
            .collect();
        let parties = run.spec.parties().len();
        self.gang.assignments.extend(fresh);
        let message = format!("attempt {number}: asking {parties} parties to prepare");
        self.run_becomes(RunState::Preparing, Reason::PreparingParties, message)
    }

    /// Puts a fresh assignment in the place of a failed member.
    pub(super) fn replace_member(&mut self, failed: &Assignment) -> Result<(), PlanError> {
        let run = &mut self.gang.run;
        run.member_restarts += 1;
        let member = Member {
            role: &failed.role,
            party: &failed.party,
            index: failed.index,
            dataset: failed.dataset.as_deref(),
        };
        let fresh = assignment(run, member, failed.incarnation + 1, self.now);
        let message = format!(
            "{} failed ({}: {}); restart {} of {}",
            failed.label(),
            failed.reason,
            failed.message,
            run.member_restarts,
            run.spec.policies.max_retries
        );
        self.gang.assignments.push(fresh);
        if self.gang.run.state == RunState::Running {
            self.run_becomes(RunState::Starting, Reason::MemberRestarting, message)?;
        } else {
            self.run_says(Reason::MemberRestarting, message);
        }
        Ok(())
    }

    /// Stops what is left of the attempt; once all of it has ended, so has the attempt.
    pub(super) fn completing(&mut self) -> Result<bool, PlanError> {
        let mut changed = self.give_up_absent()?;
        for member in self.gang.current_mut().filter(|a| !a.state.is_terminal()) {
            changed |= member.want(Desired::Stop);
        }
        if self.expired() {
            let message = "it was asked to stop and its agent did not report that it did";
            changed |= self.lose(Reason::StopDeadlineExceeded, |_| Some(message.to_owned()))?;
        }
        if changed {
            return Ok(true);
        }
        if self.gang.current().any(|a| !a.state.is_terminal()) {
            return Ok(false);
        }
        self.end_attempt()?;
        Ok(true)
    }

    fn end_attempt(&mut self) -> Result<(), PlanError> {
        let now = self.now;
        let run = &mut self.gang.run;
        // A state of Completing always carries an outcome; should one be missing, failing is the safe reading.
        let outcome = run.outcome.unwrap_or(Outcome::Failed);
        if let Some(attempt) = run.attempts.last_mut() {
            attempt.ended_at = Some(now);
        }
        let (mut reason, mut message) = match run.cause() {
            Some(cause) => (cause.reason, cause.message.clone()),
            None => (Reason::Completed, "the completion rule was met".to_owned()),
        };
        if outcome == Outcome::Retry {
            run.outcome = None;
            if run.attempts.last().is_some_and(|attempt| attempt.given_back) {
                // Its time in the queue goes on meanwhile, and may be over before the pause is.
                let next = now
                    .after(pause::after_giving_back(run))
                    .min(run.queued_until())
                    .max(now);
                run.not_before = Some(next);
                if next > now {
                    message = format!("{message}; asked again in {}", next.since(now));
                }
            } else {
                let pause = pause::after_failure(run);
                run.not_before = Some(now.after(pause));
                message = format!(
                    "attempt {} of {} starts in {pause}; attempt {} failed: {reason}: {message}",
                    run.attempt() + 1,
                    run.most_attempts(),
                    run.attempt()
                );
                reason = Reason::RetryBackoff;
            }
        }
        self.run_becomes(outcome.state(), reason, message)
    }

    /// Decides the attempt, whatever it still does.
    pub(super) fn complete(
        &mut self,
        outcome: Outcome,
        cause: Option<Cause>,
        message: String,
    ) -> Result<(), PlanError> {
        let run = &mut self.gang.run;
        run.outcome = Some(outcome);
        if let Some(attempt) = run.attempts.last_mut() {
            attempt.cause = cause;
        }
        self.run_becomes(RunState::Completing, Reason::StoppingRest, message)
    }
}

fn assignment(run: &Run, member: Member<'_>, incarnation: u32, now: Timestamp) -> Assignment {
    Assignment {
        id: AssignmentId::derive(run.id, run.attempt(), member.role, member.party, incarnation),
        run: run.id,
        attempt: run.attempt(),
        incarnation,
        role: member.role.to_owned(),
        party: member.party.clone(),
        index: member.index,
        dataset: member.dataset.map(str::to_owned),
        desired: Desired::Prepare,
        generation: 1,
        state: AssignmentState::Pending,
        reason: Reason::WaitingForAgent,
        message: String::new(),
        ready: false,
        endpoints: None,
        exit_code: None,
        exited_at: None,
        progress: Progress::default(),
        created_at: now,
        state_since: now,
        ended_at: None,
    }
}
