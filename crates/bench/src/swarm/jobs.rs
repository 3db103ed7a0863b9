//! What an agent of the swarm has, and what it says of it: jobs that are there as soon as they are wanted.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use flow_domain::{AssignmentState, Reason};
use flow_proto::{MAX_BATCH, v1};

use super::Watch;

/// What becomes of jobs that run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Jobs {
    /// They end well as soon as it was reported that they run; an aggregation role runs until it is stopped.
    Instant,
    /// They run until they are stopped.
    Lasting,
}

/// All assignments of one agent. It outlives sessions, as a real agent's board does.
#[derive(Debug, Default)]
pub(super) struct Board {
    members: HashMap<String, Member>,
    /// Those of which something is to be reported.
    news: BTreeSet<String>,
}

#[derive(Debug)]
struct Member {
    run: String,
    generation: u64,
    state: AssignmentState,
    ports: Vec<String>,
    /// Runs once for all, and has no end of its own.
    aggregates: bool,
    registers: bool,
}

impl Board {
    /// One assignment is wanted like this now.
    pub(super) fn wanted(&mut self, wire: v1::DesiredAssignment, watch: &Watch) {
        let desired = wire.desired();
        let Some(spec) = wire.spec else { return };
        let launch = spec.launch.unwrap_or_default();
        let member = self.members.entry(wire.id.clone()).or_insert_with(|| {
            watch.told(&spec.run);
            Member {
                run: spec.run,
                generation: 0,
                state: AssignmentState::Pending,
                ports: launch.ports,
                aggregates: launch.placement == "aggregator",
                registers: launch.registers,
            }
        });
        member.generation = wire.generation;
        let next = match desired {
            v1::Desired::Prepare => AssignmentState::Prepared,
            v1::Desired::Run => AssignmentState::Running,
            v1::Desired::Stop => AssignmentState::Stopped,
            v1::Desired::Unspecified => return,
        };
        if member.state.may_become(next) {
            member.state = next;
            self.news.insert(wire.id);
        }
    }

    /// These are all that are wanted: others are forgotten, and of all that there is something is to be said.
    pub(super) fn everything(&mut self, set: Vec<v1::DesiredAssignment>, watch: &Watch) {
        let wanted: BTreeSet<&str> = set.iter().map(|wire| wire.id.as_str()).collect();
        let gone: Vec<String> = self
            .members
            .keys()
            .filter(|id| !wanted.contains(id.as_str()))
            .cloned()
            .collect();
        self.gone(&gone, watch);
        for wire in set {
            self.wanted(wire, watch);
        }
        self.news = self.members.keys().cloned().collect();
    }

    /// These are not wanted any more.
    pub(super) fn gone(&mut self, ids: &[String], watch: &Watch) {
        for id in ids {
            self.news.remove(id);
            if let Some(member) = self.members.remove(id) {
                watch.gone(&member.run);
            }
        }
    }

    /// Whether there is something to report.
    pub(super) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// What is to be reported next; jobs that end at once have their end reported after that.
    pub(super) fn report(&mut self, sequence: &mut u64, jobs: Jobs, watch: &Watch) -> Vec<v1::Report> {
        let mut reports = Vec::with_capacity(self.news.len().min(MAX_BATCH));
        let mut ended = Vec::new();
        while reports.len() < MAX_BATCH
            && let Some(id) = self.news.pop_first()
        {
            let Some(member) = self.members.get_mut(&id) else {
                continue;
            };
            *sequence += 1;
            reports.push(member.report(id.clone(), *sequence));
            if member.state == AssignmentState::Running {
                watch.running(&member.run);
                if jobs == Jobs::Instant && !member.aggregates {
                    member.state = AssignmentState::Succeeded;
                    ended.push(id);
                }
            }
        }
        self.news.extend(ended);
        reports
    }
}

impl Member {
    fn report(&self, assignment: String, sequence: u64) -> v1::Report {
        let (reason, message) = match self.state {
            AssignmentState::Prepared => (Reason::WaitingForTurn, "prepared"),
            AssignmentState::Running => (Reason::ProcessRunning, "its process runs"),
            AssignmentState::Succeeded => (Reason::ProcessSucceeded, "its process ended with 0"),
            AssignmentState::Stopped => (Reason::StoppedOnRequest, "stopped as it was asked for"),
            _ => (Reason::WaitingForAgent, ""),
        };
        let runs = matches!(self.state, AssignmentState::Running | AssignmentState::Succeeded);
        let ports: BTreeMap<String, u32> = self.ports.iter().cloned().zip(20_000..).collect();
        v1::Report {
            assignment,
            generation: self.generation,
            sequence,
            state: self.state.to_string(),
            reason: reason.to_string(),
            message: message.to_owned(),
            ready: self.state == AssignmentState::Running,
            endpoints: Some(v1::Endpoints {
                host: "127.0.0.1".to_owned(),
                ports: ports.into_iter().collect(),
                tls: false,
            }),
            exit_code: (self.state == AssignmentState::Succeeded).then_some(0),
            exited_at_micros: None,
            progress: Some(v1::Progress {
                registered: self.registers && runs,
                round: u32::from(runs && !self.aggregates),
                ..v1::Progress::default()
            }),
            members: Default::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(id: &str, generation: u64, desired: v1::Desired, placement: &str) -> v1::DesiredAssignment {
        let launch = v1::Launch {
            placement: placement.to_owned(),
            ports: vec!["grpc".to_owned()],
            ..v1::Launch::default()
        };
        v1::DesiredAssignment {
            id: id.to_owned(),
            generation,
            desired: desired.into(),
            spec: Some(v1::AssignmentSpec {
                run: "run".to_owned(),
                launch: Some(launch),
                ..v1::AssignmentSpec::default()
            }),
        }
    }

    /// The states of all that is reported now, and its numbers.
    fn reported(board: &mut Board, jobs: Jobs, sequence: &mut u64) -> Vec<(String, u64, u64)> {
        let reports = board.report(sequence, jobs, &Watch::default());
        let said = reports.into_iter();
        said.map(|report| (report.state, report.generation, report.sequence))
            .collect()
    }

    #[test]
    fn an_instant_job_says_that_it_runs_before_it_says_that_it_ended() {
        let (mut board, watch, mut sequence) = (Board::default(), Watch::default(), 0);
        board.wanted(wanted("a", 1, v1::Desired::Prepare, "each-party"), &watch);
        let prepared = reported(&mut board, Jobs::Instant, &mut sequence);
        assert_eq!(prepared, [("Prepared".to_owned(), 1, 1)]);
        board.wanted(wanted("a", 2, v1::Desired::Run, "each-party"), &watch);
        let running = reported(&mut board, Jobs::Instant, &mut sequence);
        assert_eq!(running, [("Running".to_owned(), 2, 2)]);
        let ended = reported(&mut board, Jobs::Instant, &mut sequence);
        assert_eq!(ended, [("Succeeded".to_owned(), 2, 3)]);
        assert!(!board.has_news());
        // What is over is not stopped, and an old wish changes nothing.
        board.wanted(wanted("a", 3, v1::Desired::Stop, "each-party"), &watch);
        assert!(!board.has_news());
    }

    #[test]
    fn an_aggregation_role_and_a_lasting_job_run_until_they_are_stopped() {
        for (jobs, placement) in [(Jobs::Instant, "aggregator"), (Jobs::Lasting, "each-party")] {
            let (mut board, watch, mut sequence) = (Board::default(), Watch::default(), 0);
            board.wanted(wanted("a", 2, v1::Desired::Run, placement), &watch);
            let running = reported(&mut board, jobs, &mut sequence);
            assert_eq!(running, [("Running".to_owned(), 2, 1)]);
            assert!(!board.has_news());
            board.wanted(wanted("a", 3, v1::Desired::Stop, placement), &watch);
            let stopped = reported(&mut board, jobs, &mut sequence);
            assert_eq!(stopped, [("Stopped".to_owned(), 3, 2)]);
        }
    }

    #[test]
    fn a_new_session_tells_everything_and_forgets_what_is_not_wanted_any_more() {
        let (mut board, watch, mut sequence) = (Board::default(), Watch::default(), 0);
        for id in ["a", "b"] {
            board.wanted(wanted(id, 2, v1::Desired::Run, "each-party"), &watch);
        }
        assert_eq!(reported(&mut board, Jobs::Lasting, &mut sequence).len(), 2);
        sequence = 0;
        board.everything(vec![wanted("b", 2, v1::Desired::Run, "each-party")], &watch);
        let told = reported(&mut board, Jobs::Lasting, &mut sequence);
        assert_eq!(told, [("Running".to_owned(), 2, 1)]);
        board.gone(&["b".to_owned()], &watch);
        assert!(board.members.is_empty() && !board.has_news());
    }

    #[test]
    fn reports_are_what_the_server_reads() {
        let (mut board, watch, mut sequence) = (Board::default(), Watch::default(), 0);
        let id = uuid::Uuid::new_v4().simple().to_string();
        for desired in [v1::Desired::Prepare, v1::Desired::Run, v1::Desired::Stop] {
            board.wanted(wanted(&id, 1, desired, "aggregator"), &watch);
            for wire in board.report(&mut sequence, Jobs::Instant, &watch) {
                let read = flow_proto::report(wire).unwrap();
                assert_eq!(read.endpoints.unwrap().ports["grpc"], 20_000);
            }
        }
        assert_eq!(sequence, 3);
    }
}
