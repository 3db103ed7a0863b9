//! The judge: sees every change and every start of a job as it happens, and remembers what it needs to tell right from wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use flow_domain::{PartyId, RunId, RunState, gang::Gang, labels::Labels, queue::Capacity};
use flow_server::store::memory::Commit;

use super::{Rule, Violation, capacity, commit};
use crate::{history::History, machine::LiveJob, time::Moment};

/// How long after a deadline something must have come of it, in microseconds: the planner looks four times a second, and the one who
/// plans may have to be taken over from.
const SLACK: i64 = 8_000_000;

/// What is known of the world before it begins.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expectations {
    /// What each party offers.
    pub(crate) parties: BTreeMap<PartyId, Capacity>,
    /// What each says of itself.
    pub(crate) labels: BTreeMap<PartyId, Labels>,
    /// The site of those that have one.
    pub(crate) sites: BTreeMap<PartyId, String>,
    /// What sites offer.
    pub(crate) at_sites: BTreeMap<String, Capacity>,
    /// Tasks whose runs have no reason to fail.
    pub(crate) succeed: BTreeSet<String>,
    /// Whether nothing of another time may be in a run's way: none has a reason to be given back.
    pub(crate) at_once: bool,
}

/// Sees everything; breaks nothing.
#[derive(Debug)]
pub(crate) struct Judge {
    expected: Expectations,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    history: History,
    violations: Vec<Violation>,
    gangs: BTreeMap<RunId, Gang>,
    started: BTreeSet<String>,
    /// Runs by the key that a user asked for them with.
    accepted: BTreeMap<String, RunId>,
}

impl Judge {
    /// One that has seen nothing yet.
    #[must_use]
    pub(crate) fn new(expected: Expectations, history: History) -> Self {
        let inner = Inner {
            history,
            ..Inner::default()
        };
        Self {
            expected,
            inner: Mutex::new(inner),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what somebody did to the world.
    pub(crate) fn note(&self, at: Moment, what: &str) {
        self.lock().history.note(at, what);
    }

    /// A promise was broken.
    pub(crate) fn broken(&self, at: Moment, rule: Rule, what: impl Into<String>) {
        self.lock().broken(at, rule, what.into());
    }

    /// Everything that was broken so far.
    #[must_use]
    pub(crate) fn violations(&self) -> Vec<Violation> {
        self.lock().violations.clone()
    }

    /// The digest of all that was seen, and how much that was.
    #[must_use]
    pub(crate) fn digest(&self) -> (u64, u64) {
        let inner = self.lock();
        (inner.history.digest(), inner.history.entries())
    }

    /// All that was seen, as text, if it was kept.
    #[must_use]
    pub(crate) fn text(&self) -> Vec<String> {
        self.lock().history.text().to_vec()
    }

    /// How many runs there are, and how many of them are final.
    #[must_use]
    pub(crate) fn runs(&self) -> (usize, usize) {
        let inner = self.lock();
        let over = inner.gangs.values().filter(|gang| gang.run.state.is_terminal());
        (inner.gangs.len(), over.count())
    }

    /// How many runs ended in that state.
    #[must_use]
    pub(crate) fn ended_as(&self, state: RunState) -> usize {
        self.lock()
            .gangs
            .values()
            .filter(|gang| gang.run.state == state)
            .count()
    }

    /// A change of a run is stored.
    pub(crate) fn committed(&self, at: Moment, commit: Commit<'_>) {
        let mut inner = self.lock();
        let line = line(commit.after);
        inner.history.note(at, &line);
        for (rule, what) in commit::broken(&self.expected.labels, commit.before, commit.after, commit.events) {
            inner.broken(at, rule, what);
        }
        inner.gangs.insert(commit.after.run.id, commit.after.clone());
        for what in capacity::exceeded(&self.expected, &inner.gangs) {
            inner.broken(at, Rule::Capacity, what);
        }
        let run = &commit.after.run;
        let over = run.state.is_terminal() && commit.before.is_none_or(|before| !before.run.state.is_terminal());
        if over && self.expected.succeed.contains(&run.task_name) {
            let given_back = run.attempts.iter().filter(|attempt| attempt.given_back).count();
            let tries = run.attempts.len() - given_back + run.member_restarts as usize;
            let well = run.state == RunState::Succeeded && tries == 1 && !(self.expected.at_once && given_back > 0);
            if !well {
                let what = format!(
                    "run {} of {} had no reason to fail, and it is {}: {}: {} (attempt {})",
                    run.id,
                    run.task_name,
                    run.state,
                    run.reason,
                    run.message,
                    run.attempt()
                );
                inner.broken(at, Rule::Succeeds, what);
            }
        }
    }

    /// A job begins on a machine, where these are live now, itself among them.
    pub(crate) fn job_started(&self, at: Moment, job: &LiveJob, live: &[LiveJob]) {
        let mut inner = self.lock();
        let LiveJob { party, key, identity } = job;
        let what = format!(
            "{} of attempt {} of run {} at {party}",
            identity.role, identity.attempt, identity.run
        );
        inner.history.note(at, &format!("job {key} starts: {what}"));
        if !inner.started.insert(key.clone()) {
            inner.broken(at, Rule::RunsOnce, format!("{what} was started a second time"));
        }
        let here: Vec<&LiveJob> = live.iter().filter(|other| other.party == *party).collect();
        let other = here.iter().find(|other| {
            other.key != *key && other.identity.run == identity.run && other.identity.role == identity.role
        });
        if let Some(other) = other {
            let attempt = other.identity.attempt;
            inner.broken(
                at,
                Rule::RunsOnce,
                format!("{what} starts while its like of attempt {attempt} still runs"),
            );
        }
        if let Some(what) = capacity::exceeded_by_jobs(&self.expected, &inner.gangs, party, &here) {
            inner.broken(at, Rule::Capacity, what);
        }
    }

    /// A user was told that the run it asked for with that key was accepted.
    pub(crate) fn accepted(&self, at: Moment, key: &str, run: RunId) {
        let mut inner = self.lock();
        inner.history.note(at, &format!("{key} is run {run}"));
        if !inner.gangs.contains_key(&run) {
            inner.broken(at, Rule::NotLost, format!("run {run} was accepted and is not there"));
        }
        let before = inner.accepted.insert(key.to_owned(), run);
        if before.is_some_and(|before| before != run) {
            inner.broken(at, Rule::NotLost, format!("{key} was made into two runs"));
        }
    }

    /// A user was told that a run is approved (`granted`), or rejected.
    pub(crate) fn decided(&self, at: Moment, run: RunId, granted: bool) {
        let mut inner = self.lock();
        let approval = inner.gangs.get(&run).and_then(|gang| gang.run.approval.as_ref());
        if approval.is_none_or(|approval| approval.granted != granted) {
            inner.broken(
                at,
                Rule::Approval,
                format!("what was decided about run {run} is not there"),
            );
        }
    }

    /// All is well for a while; `wall` is what servers' clocks show, in microseconds. Nothing waits for longer than it may.
    pub(crate) fn overdue(&self, at: Moment, wall: i64) {
        let mut inner = self.lock();
        let over = |gang: &&Gang| {
            let deadline = gang.run.deadline.filter(|_| !gang.run.state.is_terminal());
            deadline.is_some_and(|deadline| deadline.0 + SLACK < wall)
        };
        let late: Vec<String> = inner.gangs.values().filter(over).map(line).collect();
        for run in late {
            inner.broken(at, Rule::Ends, format!("it is past its deadline: {run}"));
        }
    }

    /// Everything should have come to its end; these jobs have not.
    pub(crate) fn over(&self, at: Moment, live: &[LiveJob]) {
        let mut inner = self.lock();
        let unfinished: Vec<String> = inner
            .gangs
            .values()
            .filter(|gang| !gang.run.state.is_terminal())
            .map(line)
            .collect();
        for run in unfinished {
            inner.broken(at, Rule::Ends, format!("it does not end: {run}"));
        }
        for job in live {
            let what = format!(
                "job {} of run {} still runs at {}",
                job.key, job.identity.run, job.party
            );
            inner.broken(at, Rule::Ends, what);
        }
        let accepted: BTreeSet<RunId> = inner.accepted.values().copied().collect();
        let doubled: Vec<RunId> = inner
            .gangs
            .keys()
            .filter(|run| !accepted.contains(run))
            .copied()
            .collect();
        for run in doubled {
            inner.broken(
                at,
                Rule::NotLost,
                format!("nobody was told of run {run}: a start was carried out twice"),
            );
        }
    }
}

impl Inner {
    fn broken(&mut self, at: Moment, rule: Rule, what: String) {
        let violation = Violation { at, rule, what };
        self.history.note(at, &format!("BROKEN {violation}"));
        self.violations.push(violation);
    }
}

/// A gang in one line.
fn line(gang: &Gang) -> String {
    use std::fmt::Write;
    let run = &gang.run;
    let mut line = format!(
        "run {} {} attempt {} {} ({}; {})",
        run.id,
        run.task_name,
        run.attempt(),
        run.state,
        run.reason,
        run.message
    );
    for member in gang.current() {
        // Writing to a text cannot fail.
        let _ = write!(
            line,
            " | {}@{}.{} {:?}#{} {}{} {} r{}",
            member.role,
            member.party,
            member.incarnation,
            member.desired,
            member.generation,
            member.state,
            if member.ready { "+" } else { "" },
            member.reason,
            member.progress.round
        );
    }
    line
}
