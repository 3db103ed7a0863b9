//! What must be true afterwards. Everything that is not is collected, so that one failure does not hide the others.

use std::collections::{BTreeMap, BTreeSet};

use flow_domain::{AssignmentId, AssignmentState, Reason, RunState};

use crate::{
    evidence::{Evidence, Known},
    plan::Who,
    trace::Started,
};

/// What a member that is killed, and those that lose it, end with.
const FITTING: [Reason; 4] = [
    Reason::ProcessKilled,
    Reason::SupervisorLost,
    Reason::ThreadError,
    Reason::TrainingError,
];

/// What was found to be wrong.
#[derive(Debug, Default)]
pub(crate) struct Verdict(Vec<String>);

impl Verdict {
    /// Judges. With `untouched`, nobody was to kill a job.
    pub(crate) fn on(evidence: &Evidence, untouched: bool) -> Self {
        let mut verdict = Self::default();
        verdict.none_lost_none_doubled(evidence);
        for known in &evidence.known {
            verdict.ended_right(known, untouched);
            verdict.attempts(known, &evidence.killed);
            verdict.members(known, &evidence.killed);
            verdict.history(known);
            verdict.started(known, &evidence.started, untouched);
        }
        verdict.strangers(evidence);
        for (who, how) in &evidence.own_ends {
            // A server that finds no database says so and ends; whoever keeps it running starts it again.
            let refused = *who == Who::Server && !how.contains("flow-server is up") && how.contains("database");
            verdict.unless(refused, || format!("{who:?} ended by itself: {how}"));
        }
        verdict
    }

    /// What is wrong.
    pub(crate) fn wrongs(&self) -> &[String] {
        &self.0
    }

    /// Fails with all that is wrong, if something is.
    pub(crate) fn pass(self) {
        let count = self.0.len();
        assert!(count == 0, "{count} things are wrong:\n{}", self.0.join("\n"));
    }

    /// Notes what is wrong if it is not right.
    pub(crate) fn unless(&mut self, right: bool, what: impl FnOnce() -> String) {
        if !right {
            self.0.push(what());
        }
    }

    /// Every accepted run is there, once, and no other.
    fn none_lost_none_doubled(&mut self, evidence: &Evidence) {
        let known = evidence.known.iter();
        let mut there: Vec<_> = known.map(|known| (known.run.id, &known.run.task_name)).collect();
        let mut expected: Vec<_> = evidence.accepted.iter().map(|it| (it.run, &it.task)).collect();
        there.sort();
        expected.sort();
        self.unless(there == expected, || {
            format!("accepted were {expected:?}, and there are {there:?}")
        });
    }

    fn ended_right(&mut self, known: &Known, untouched: bool) {
        let run = &known.run;
        let label = || {
            let Known { run, .. } = known;
            let (name, state, tried) = (&run.task_name, run.state, run.attempts.len());
            format!(
                "{name} ({}) is {state} after {tried} attempts: {}: {}",
                run.id, run.reason, run.message
            )
        };
        let used_up = run.attempts.len() == run.max_attempts as usize;
        let right = match run.state {
            RunState::Succeeded => !untouched || run.attempts.len() == 1,
            RunState::Failed => !untouched && used_up && FITTING.contains(&run.reason),
            _ => false,
        };
        self.unless(right, label);
    }

    /// One attempt after the other, each but the last of a success with a cause that was made.
    fn attempts(&mut self, known: &Known, killed: &BTreeSet<String>) {
        let run = &known.run;
        let mut before = None;
        for (number, attempt) in (1..).zip(&run.attempts) {
            let label = |what: &str| format!("{}: {what}: {attempt:?}", run.task_name);
            let ordered = attempt.number == number
                && before <= Some(attempt.started_at)
                && Some(attempt.started_at) <= attempt.ended_at;
            self.unless(ordered, || label("an attempt out of order"));
            before = attempt.ended_at;
            let Some(cause) = &attempt.cause else {
                let last = number as usize == run.attempts.len() && run.state == RunState::Succeeded;
                self.unless(last, || label("an attempt that failed without a cause"));
                continue;
            };
            self.unless(FITTING.contains(&cause.reason), || label("a cause that nobody made"));
            let members = known.assignments.iter().filter(|member| member.attempt == number);
            let (mut named, mut hit) = (false, false);
            for member in members {
                named |= cause.assignment == Some(member.id);
                hit |= killed.contains(&member.id.to_string());
            }
            self.unless(named, || label("a cause that names no member of the attempt"));
            self.unless(hit, || label("an attempt failed that nobody has touched"));
        }
    }

    /// All have ended, and nobody was given up who was not killed.
    fn members(&mut self, known: &Known, killed: &BTreeSet<String>) {
        for member in &known.assignments {
            let lost = member.state == AssignmentState::Lost && !killed.contains(&member.id.to_string());
            let ended = member.state.is_terminal() && member.ended_at.is_some();
            self.unless(ended && !lost, || {
                let (role, party, state) = (&member.role, &member.party, member.state);
                let run = &known.run.task_name;
                format!(
                    "{run}: {role} of {party} in attempt {} is {state}: {}",
                    member.attempt, member.message
                )
            });
        }
    }

    /// The events tell one story, in order: no step that is not allowed, nothing after the end.
    fn history(&mut self, known: &Known) {
        let name = &known.run.task_name;
        let ordered = known.events.windows(2).all(|pair| pair[0].sequence < pair[1].sequence);
        self.unless(ordered, || format!("{name}: its events are not in order"));
        let mut state = RunState::Queued;
        let mut members = BTreeMap::<AssignmentId, AssignmentState>::new();
        for event in &known.events {
            let wrong = || format!("{name}: from {state} to event {event:?}");
            match event.assignment {
                None => {
                    let Some(next) = RunState::parse(&event.state) else {
                        self.unless(false, wrong);
                        continue;
                    };
                    self.unless(next == state || state.may_become(next), wrong);
                    state = next;
                }
                Some(id) => {
                    let next = AssignmentState::ALL
                        .into_iter()
                        .find(|state| state.to_string() == event.state);
                    let before = members.get(&id).copied();
                    let may = next.is_some_and(|next| before.is_none_or(|it| it == next || it.may_become(next)));
                    self.unless(may, || format!("{name}: from {before:?} to event {event:?}"));
                    members.extend(next.map(|next| (id, next)));
                }
            }
        }
        self.unless(state == known.run.state, || {
            format!("{name}: the events end with {state}, the run with {}", known.run.state)
        });
    }

    /// No job was started twice, and no two attempts of the run lived at the same time.
    fn started(&mut self, known: &Known, started: &BTreeMap<String, Started>, untouched: bool) {
        let name = &known.run.task_name;
        let members = known.assignments.iter();
        let attempts: BTreeMap<String, u32> = members.map(|member| (member.id.to_string(), member.attempt)).collect();
        let none = Started::default();
        for (id, attempt) in &attempts {
            let Started { pids, beside, .. } = started.get(id).unwrap_or(&none);
            let right = pids.len() == 1 || (pids.is_empty() && !untouched);
            self.unless(right, || format!("{name}: {id} was started as {pids:?}"));
            for other in beside {
                let same = attempts.get(other).is_none_or(|of| of == attempt);
                self.unless(same, || {
                    format!("{name}: {id} of attempt {attempt} was started while {other} of another one lived")
                });
            }
        }
    }

    /// Nothing was started that no run has.
    fn strangers(&mut self, evidence: &Evidence) {
        let members = evidence.known.iter().flat_map(|known| &known.assignments);
        let known: BTreeSet<String> = members.map(|member| member.id.to_string()).collect();
        for id in evidence.started.keys().filter(|id| !known.contains(*id)) {
            self.unless(false, || format!("{id} was started, and no run has it"));
        }
    }
}
