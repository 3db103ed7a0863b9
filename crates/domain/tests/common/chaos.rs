//! Random things that happen to a run: agents that come and go, tell the truth, lie and repeat themselves; time; users.

use std::collections::BTreeMap;

use flow_domain::{
    Assignment, AssignmentId,
    AssignmentState::{self, Pending},
    Desired, PartyId, Progress, Reason, Span, Timestamp,
    assignment::Report,
    gang::Unfit,
};
use proptest::{collection::vec, prelude::*, sample::Index};
use uuid::Uuid;

use super::{honest, mk_report, mk_shortage, profiles::parties_of, world::World};

#[derive(Debug, Clone)]
pub enum Action {
    Arrive(Index),
    Leave(Index),
    /// Every attached agent does its next step.
    HonestRound,
    /// One agent does its next step.
    HonestStep(Index),
    /// An agent says anything about any assignment that there ever was.
    Claim(Index, Claim),
    /// A member that was asked to run waits for its image.
    Pull(Index),
    /// All that are still to be prepared wait for a free place.
    Shortage,
    /// An agent says again what was said before.
    Repeat(Index),
    /// An agent reports what belongs to another.
    Intrude(Index, Claim),
    /// An agent reports what does not exist.
    Invent,
    Cancel,
    /// Somebody approves it, or rejects it.
    Judge {
        granted: bool,
    },
    Pass(Span),
    /// Nothing happens until the planner wants to be woken, or just before.
    Wake {
        early: bool,
    },
}

/// What an agent says, true or not.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Of what is live, or of anything that there ever was.
    of_live: bool,
    state: AssignmentState,
    ready: bool,
    progress: Progress,
    members: Vec<(Index, Progress)>,
    exited: Option<(i32, i64)>,
}

pub fn any_actions(most: usize) -> impl Strategy<Value = Vec<Action>> {
    vec(any_action(), 0..=most)
}

fn any_action() -> impl Strategy<Value = Action> {
    let index = any::<Index>;
    prop_oneof![
        4 => index().prop_map(Action::Arrive),
        2 => index().prop_map(Action::Leave),
        8 => Just(Action::HonestRound),
        4 => index().prop_map(Action::HonestStep),
        5 => (index(), any_claim()).prop_map(|(who, claim)| Action::Claim(who, claim)),
        3 => index().prop_map(Action::Pull),
        2 => Just(Action::Shortage),
        2 => index().prop_map(Action::Repeat),
        1 => (index(), any_claim()).prop_map(|(who, claim)| Action::Intrude(who, claim)),
        1 => Just(Action::Invent),
        1 => prop::bool::weighted(0.3).prop_map(|yes| if yes { Action::Cancel } else { Action::HonestRound }),
        2 => prop::bool::weighted(0.8).prop_map(|granted| Action::Judge { granted }),
        // From a millisecond to a day, each size as likely as the others.
        2 => (0..=26u32, 0.5..1.0f64).prop_map(|(size, part)| Action::Pass(Span((f64::from(1 << size) * part) as u64))),
        2 => any::<bool>().prop_map(|early| Action::Wake { early }),
    ]
}

fn any_claim() -> impl Strategy<Value = Claim> {
    let state = prop::sample::select(&AssignmentState::ALL);
    let members = vec((any::<Index>(), any_progress()), 0..3);
    let exited = prop::option::of((0..3i32, -1_000_000..1_000_000i64));
    let flags = (prop::bool::weighted(0.8), any::<bool>());
    (flags, state, any_progress(), members, exited).prop_map(|((of_live, ready), state, progress, members, exited)| {
        Claim {
            of_live,
            state,
            ready,
            progress,
            members,
            exited,
        }
    })
}

fn any_progress() -> impl Strategy<Value = Progress> {
    let loss = prop::option::of(0.0..2.0f64);
    (any::<bool>(), prop::bool::weighted(0.2), 0..5u32, loss).prop_map(|(registered, complete, round, loss)| Progress {
        registered,
        complete,
        round,
        total: Some(5),
        metrics: loss.map(|loss| ("loss".to_owned(), loss)).into_iter().collect(),
    })
}

impl World {
    /// Lets it happen. What cannot happen now, does not.
    pub fn happen(&mut self, action: &Action) {
        let parties = parties_of(&self.gang.run.spec);
        match action {
            Action::Arrive(who) => self.arrive(who.get(&parties)),
            Action::Leave(who) => self.leave(who.get(&parties)),
            Action::HonestRound => drop(self.honest_round()),
            Action::HonestStep(who) => {
                let round = honest::round(&self.gang, &self.parties);
                if !round.is_empty() {
                    let (party, report) = who.get(&round);
                    self.hear(party, report).expect("it is its own");
                }
            }
            Action::Claim(which, claim) => {
                if let Some((owner, report)) = self.claim(which, claim) {
                    self.hear(&owner, &report).expect("it is its own");
                }
            }
            Action::Pull(which) => {
                let waits = |a: &&Assignment| a.desired == Desired::Run && a.state < AssignmentState::Running;
                let waiting: Vec<&Assignment> = self.gang.members().filter(waits).collect();
                if !waiting.is_empty() {
                    let member = *which.get(&waiting);
                    let (party, mut report) = (member.party.clone(), mk_report(member, AssignmentState::Starting));
                    report.reason = Reason::ContainerCreating;
                    report.message = "its image is on its way".to_owned();
                    self.hear(&party, &report).expect("it is its own");
                }
            }
            Action::Shortage => {
                let pending: Vec<Assignment> = self.gang.members().filter(|a| a.state == Pending).cloned().collect();
                for member in pending {
                    self.hear(&member.party, &mk_shortage(&member)).expect("it is its own");
                }
            }
            Action::Repeat(which) => {
                if !self.said.is_empty() {
                    let (party, report) = which.get(&self.said).clone();
                    self.hear(&party, &report).expect("it was its own before");
                }
            }
            Action::Intrude(which, claim) => self.intrude(which, claim),
            Action::Invent => {
                let unknown = AssignmentId(Uuid::nil());
                if let Some(mut report) = self.gang.assignments.first().map(|a| mk_report(a, a.state)) {
                    report.assignment = unknown;
                    assert_eq!(self.hear(&parties[0], &report), Err(Unfit::Unknown(unknown)));
                }
            }
            Action::Cancel => self.cancel(),
            Action::Judge { granted } => {
                let awaited = self.state() == flow_domain::RunState::AwaitingApproval;
                let judged = self.judge(*granted);
                assert!(!awaited || judged == Ok(true), "{judged:?}");
                assert!(awaited || judged != Ok(true), "{judged:?}");
            }
            Action::Pass(span) => self.pass(*span),
            Action::Wake { early } => {
                if let Some(at) = self.wakes_at() {
                    self.now = Timestamp(at.micros() - i64::from(*early));
                    self.plan();
                }
            }
        }
    }

    fn intrude(&mut self, which: &Index, claim: &Claim) {
        let Some((owner, report)) = self.claim(which, claim) else {
            return;
        };
        let reporter: PartyId = "intruder".parse().expect("a name");
        let refused = Unfit::NotYours {
            assignment: report.assignment,
            owner,
            reporter: reporter.clone(),
        };
        assert_eq!(self.hear(&reporter, &report), Err(refused));
    }

    fn claim(&self, which: &Index, claim: &Claim) -> Option<(PartyId, Report)> {
        let may_be = |a: &&Assignment| !(claim.of_live && a.state.is_terminal());
        let choice: Vec<&Assignment> = self.gang.assignments.iter().filter(may_be).collect();
        if choice.is_empty() {
            return None;
        }
        let parties = parties_of(&self.gang.run.spec);
        let assignment = *which.get(&choice);
        let mut report = mk_report(assignment, claim.state);
        report.ready = claim.ready;
        report.exit_code = claim.exited.map(|(code, _)| code);
        // An agent's clock may be a second off.
        report.exited_at = claim.exited.map(|(_, off)| Timestamp(self.now.micros() + off));
        report.progress = claim.progress.clone();
        let members = claim.members.iter();
        let members = members.map(|(who, progress)| (who.get(&parties).clone(), progress.clone()));
        // Of each party once.
        report.members = members.collect::<BTreeMap<_, _>>().into_iter().collect();
        Some((assignment.party.clone(), report))
    }
}
