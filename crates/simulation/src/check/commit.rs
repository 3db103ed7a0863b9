//! What must be so of one change of a run: a function of the run before and after it.

use std::collections::{BTreeMap, BTreeSet};

use flow_domain::{
    PartyId, Reason, RunState,
    assignment::Assignment,
    gang::{Event, Gang},
    labels::Labels,
};

use super::{Rule, approval, choice, shortage};

/// Every rule that the change breaks, with how. Parties have these labels.
pub(super) fn broken(
    labels: &BTreeMap<PartyId, Labels>,
    before: Option<&Gang>,
    after: &Gang,
    events: &[Event],
) -> Vec<(Rule, String)> {
    let mut found = Found(Vec::new(), after.run.id.to_string());
    one_attempt(&mut found, after);
    reasons(&mut found, after);
    shortage::fails_nothing(&mut found, after);
    approval::comes_first(&mut found, before, after);
    if let Some(before) = before {
        choice::is_as_asked(&mut found, labels, before, after);
        final_stays(&mut found, before, after);
        legal_steps(&mut found, before, after, events);
    }
    found.0
}

/// What was found to be broken.
pub(super) struct Found(Vec<(Rule, String)>, String);

impl Found {
    fn add(&mut self, rule: Rule, what: impl std::fmt::Display) {
        self.0.push((rule, format!("run {}: {what}", self.1)));
    }

    /// Notes what is broken if it is not so.
    pub(super) fn unless(&mut self, is_so: bool, rule: Rule, what: &str) {
        if !is_so {
            self.add(rule, what);
        }
    }
}

fn live(gang: &Gang) -> impl Iterator<Item = &Assignment> {
    gang.assignments.iter().filter(|a| !a.state.is_terminal())
}

fn one_attempt(found: &mut Found, after: &Gang) {
    let run = &after.run;
    for (attempt, number) in run.attempts.iter().zip(1..) {
        found.unless(
            attempt.number == number,
            Rule::OneAttempt,
            "its attempts are not numbered in order",
        );
        let is_last = usize::try_from(number).is_ok_and(|number| number == run.attempts.len());
        found.unless(
            is_last || attempt.ended_at.is_some(),
            Rule::OneAttempt,
            "an attempt began before the one before it had ended",
        );
    }
    let current = run.attempts.last().filter(|attempt| attempt.ended_at.is_none());
    let mut members = BTreeSet::new();
    for member in live(after) {
        found.unless(
            current.is_some_and(|attempt| attempt.number == member.attempt),
            Rule::OneAttempt,
            "an assignment is live, and its attempt is not",
        );
        found.unless(
            members.insert((&member.role, &member.party)),
            Rule::OneAttempt,
            "two assignments of one member are live",
        );
    }
    found.unless(
        current.is_some() == run.is_taking(),
        Rule::OneAttempt,
        "its state and its attempts do not agree on whether one is live",
    );
}

/// Reasons that explain no end.
fn is_neutral(reason: Reason) -> bool {
    use Reason::*;
    matches!(
        reason,
        Submitted
            | WaitingForParty
            | WaitingForCapacity
            | WaitingForOthers
            | RetryBackoff
            | PreparingParties
            | WaitingForReady
            | WaitingForRegistration
            | MemberRestarting
            | Training
            | StoppingRest
            | Completed
            | WaitingForTurn
            | WaitingForAgent
            | ProcessRunning
            | ProcessSucceeded
            | ContainerCreating
            | Approved
            | PartiesChosen
            | WaitingForApproval
    )
}

fn reasons(found: &mut Found, after: &Gang) {
    let run = &after.run;
    found.unless(
        run.state.is_terminal() || run.deadline.is_some(),
        Rule::Ends,
        "its state has no deadline",
    );
    found.unless(
        run.state.is_terminal() == run.ended_at.is_some(),
        Rule::Reason,
        "it is final without an end time, or the other way round",
    );
    if run.state == RunState::Succeeded {
        found.unless(
            run.reason == Reason::Completed,
            Rule::Reason,
            "it succeeded for another reason than completion",
        );
    } else if run.state.is_terminal() {
        let said = !is_neutral(run.reason) && !run.message.is_empty();
        found.unless(said, Rule::Reason, "it failed and does not say why");
    }
    for attempt in run.attempts.iter().filter(|attempt| attempt.ended_at.is_some()) {
        let succeeded = run.state == RunState::Succeeded && attempt.number == run.attempt();
        let explained = attempt
            .cause
            .as_ref()
            .is_some_and(|cause| !is_neutral(cause.reason) && !cause.message.is_empty());
        found.unless(
            succeeded || explained,
            Rule::Reason,
            "an attempt failed and has no cause",
        );
    }
    for assignment in after.assignments.iter().filter(|a| a.state.is_failure()) {
        if is_neutral(assignment.reason) || assignment.message.is_empty() {
            let (label, state, reason) = (assignment.label(), assignment.state, assignment.reason);
            found.add(
                Rule::Reason,
                format_args!("{label} is {state} for {reason}, which explains nothing"),
            );
        }
    }
}

fn final_stays(found: &mut Found, before: &Gang, after: &Gang) {
    let (old, new) = (&before.run, &after.run);
    if old.state.is_terminal() {
        let same = (old.state, old.reason, &old.message, old.ended_at, &old.attempts)
            == (new.state, new.reason, &new.message, new.ended_at, &new.attempts);
        found.unless(same, Rule::FinalStays, "it was final and changed");
        found.unless(
            before.assignments.len() == after.assignments.len(),
            Rule::FinalStays,
            "it was final and got new assignments",
        );
    }
    for (old, new) in old.attempts.iter().zip(&new.attempts) {
        found.unless(
            old.ended_at.is_none() || old == new,
            Rule::FinalStays,
            "an attempt had ended and changed",
        );
    }
    found.unless(
        old.attempts.len() <= new.attempts.len() && before.assignments.len() <= after.assignments.len(),
        Rule::NotLost,
        "attempts or assignments are gone",
    );
    for (old, new) in before.assignments.iter().zip(&after.assignments) {
        found.unless(old.id == new.id, Rule::NotLost, "an assignment was replaced by another");
        let same = (old.state, old.reason, old.exit_code, old.ended_at)
            == (new.state, new.reason, new.exit_code, new.ended_at);
        if old.state.is_terminal() && !same {
            found.add(
                Rule::FinalStays,
                format_args!("{} was {} and is {}", old.label(), old.state, new.state),
            );
        }
    }
}

fn legal_steps(found: &mut Found, before: &Gang, after: &Gang, events: &[Event]) {
    let mut state = before.run.state;
    for event in events.iter().filter(|event| event.assignment.is_none()) {
        let Some(next) = RunState::parse(&event.state) else {
            found.add(
                Rule::LegalSteps,
                format_args!("an event tells of a state '{}'", event.state),
            );
            continue;
        };
        if next != state && !state.may_become(next) {
            found.add(Rule::LegalSteps, format_args!("it went from {state} to {next}"));
        }
        state = next;
    }
    if state != after.run.state {
        let now = after.run.state;
        found.add(
            Rule::LegalSteps,
            format_args!("its events end with {state}, and it is {now}"),
        );
    }
    for (old, new) in before.assignments.iter().zip(&after.assignments) {
        if old.state != new.state && !old.state.may_become(new.state) {
            let (label, from, to) = (old.label(), old.state, new.state);
            found.add(Rule::LegalSteps, format_args!("{label} went from {from} to {to}"));
        }
        found.unless(
            new.desired >= old.desired && new.generation >= old.generation,
            Rule::LegalSteps,
            "what is wanted of an assignment went back",
        );
        found.unless(
            (new.desired == old.desired) == (new.generation == old.generation),
            Rule::LegalSteps,
            "a wish changed without its generation, or the other way round",
        );
    }
}

#[cfg(test)]
mod tests;
