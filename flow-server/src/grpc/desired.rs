//! What an agent is to have, against what it was told: the difference is what it is sent.

use std::collections::BTreeMap;

use flow_domain::{AssignmentId, Desired, PartyId, RunId, gang::Gang};
use flow_proto::{MAX_BATCH, to_desired, v1};

/// What one agent was told.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<AssignmentId, (u64, RunId)>);

impl Told {
    /// The run of an assignment that the agent was told of.
    pub(super) fn run_of(&self, assignment: AssignmentId) -> Option<RunId> {
        self.0.get(&assignment).map(|(_, run)| *run)
    }

    /// The whole set, in parts; the first thing that an agent is told.
    pub(super) fn everything(&mut self, party: &PartyId, gangs: &[Gang]) -> Vec<v1::FromServer> {
        self.0.clear();
        let (upserts, _) = self.advance(party, gangs, |_| true);
        let mut parts = parts(upserts);
        if parts.is_empty() {
            parts.push(Vec::new());
        }
        let last = parts.len() - 1;
        let parts = parts.into_iter().enumerate().map(|(index, assignments)| {
            message(v1::from_server::Message::DesiredSet(v1::DesiredSet {
                assignments,
                last: index == last,
            }))
        });
        parts.collect()
    }

    /// What has changed in these runs since, of which those gangs are there; first what is not wanted any more, as what is new may need
    /// its room.
    pub(super) fn changes<'a>(
        &mut self,
        party: &PartyId,
        gangs: impl IntoIterator<Item = &'a Gang>,
        runs: impl Fn(RunId) -> bool,
    ) -> Vec<v1::FromServer> {
        let (upserts, removed) = self.advance(party, gangs, runs);
        let upserts = parts(upserts).into_iter().map(|part| (part, Vec::new()));
        let removed = parts(removed).into_iter().map(|part| (Vec::new(), part));
        removed
            .chain(upserts)
            .map(|(assignments, removed)| {
                message(v1::from_server::Message::DesiredChange(v1::DesiredChange {
                    assignments,
                    removed,
                }))
            })
            .collect()
    }

    fn advance<'a>(
        &mut self,
        party: &PartyId,
        gangs: impl IntoIterator<Item = &'a Gang>,
        runs: impl Fn(RunId) -> bool,
    ) -> (Vec<v1::DesiredAssignment>, Vec<String>) {
        let mut wanted = BTreeMap::new();
        let mut upserts = Vec::new();
        for gang in gangs {
            let own = gang
                .assignments
                .iter()
                .filter(|a| a.party == *party && !a.state.is_terminal());
            for assignment in own {
                wanted.insert(assignment.id, (assignment.generation, assignment.run));
                let known = self.0.get(&assignment.id).map(|(generation, _)| *generation);
                if known != Some(assignment.generation) {
                    let spec = gang.spec_of(assignment);
                    let id = assignment.id.to_string();
                    upserts.push(to_desired(id, assignment.generation, assignment.desired, spec));
                }
            }
        }
        let mut removed = Vec::new();
        self.0.retain(|id, (_, run)| {
            let gone = runs(*run) && !wanted.contains_key(id);
            if gone {
                removed.push(id.to_string());
            }
            !gone
        });
        self.0.extend(wanted);
        (upserts, removed)
    }
}

/// The same, in messages of a bounded size; none if there is nothing.
fn parts<T>(mut items: Vec<T>) -> Vec<Vec<T>> {
    let mut parts = Vec::new();
    while items.len() > MAX_BATCH {
        let rest = items.split_off(MAX_BATCH);
        parts.push(std::mem::replace(&mut items, rest));
    }
    if !items.is_empty() {
        parts.push(items);
    }
    parts
}

pub(super) fn message(message: v1::from_server::Message) -> v1::FromServer {
    v1::FromServer { message: Some(message) }
}

/// For logs: how many of each kind are wanted.
pub(super) fn summary(gangs: &[Gang], party: &PartyId) -> String {
    let count = |desired: Desired| {
        gangs
            .iter()
            .flat_map(|gang| &gang.assignments)
            .filter(|a| a.party == *party && !a.state.is_terminal() && a.desired == desired)
            .count()
    };
    let (prepare, run, stop) = (count(Desired::Prepare), count(Desired::Run), count(Desired::Stop));
    format!("{prepare} to prepare, {run} to run, {stop} to stop")
}
