//! A run with its assignments, and the planner that moves both.
//!
//! The planner is a function of what is stored and of the time: [`plan`] takes a [`Gang`], what is known of the parties and
//! `now`, and answers what to store instead. It is called again and again; where nothing is to be done it answers nothing.

mod admit;
mod approval;
mod attempt;
mod decide;
mod observe;
mod pause;
mod plan;

use serde::{Deserialize, Serialize};

pub use self::{
    admit::{admit, wait},
    approval::{Undecidable, judge},
    observe::{Unfit, observe},
    plan::{PlanError, plan, wake_at},
};
use crate::{
    assignment::{Assignment, AssignmentState, Desired},
    ids::AssignmentId,
    profile::Placement,
    reason::Reason,
    run::Run,
    spec::{AssignmentSpec, Peer},
    time::Timestamp,
};

/// A run with the assignments of all its attempts.
#[derive(Debug, Clone, PartialEq)]
pub struct Gang {
    /// The run.
    pub run: Run,
    /// Its assignments, oldest first.
    pub assignments: Vec<Assignment>,
}

/// Something that happened to a run, for people to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// The assignment it happened to, if not to the run itself.
    pub assignment: Option<AssignmentId>,
    /// The new state, as text.
    pub state: String,
    /// Why.
    pub reason: Reason,
    /// In words.
    pub message: String,
}

/// A gang as it is to be stored, with what happened on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The new gang.
    pub gang: Gang,
    /// What happened, in order.
    pub events: Vec<Event>,
}

impl Gang {
    /// The assignments of the current attempt.
    pub fn current(&self) -> impl Iterator<Item = &Assignment> {
        let attempt = self.run.attempt();
        self.assignments.iter().filter(move |a| a.attempt == attempt)
    }

    /// The assignments that stand for the members of the current attempt: the newest incarnation of each.
    pub fn members(&self) -> impl Iterator<Item = &Assignment> {
        self.current().filter(|a| {
            !self
                .current()
                // Few were ever started anew, so that is asked first.
                .any(|b| b.incarnation > a.incarnation && b.role == a.role && b.party == a.party)
        })
    }

    pub(crate) fn current_mut(&mut self) -> impl Iterator<Item = &mut Assignment> {
        let attempt = self.run.attempt();
        self.assignments.iter_mut().filter(move |a| a.attempt == attempt)
    }

    /// What the agent of `assignment` is to be given.
    pub fn spec_of(&self, assignment: &Assignment) -> AssignmentSpec {
        let spec = &self.run.spec;
        let profile = &spec.profile;
        let launch = profile.roles.get(&assignment.role).cloned();
        AssignmentSpec {
            run: self.run.id,
            task: self.run.task,
            task_name: self.run.task_name.clone(),
            attempt: assignment.attempt,
            framework: profile.name.clone(),
            role: assignment.role.clone(),
            party: assignment.party.clone(),
            index: assignment.index,
            parties: u32::try_from(spec.participants.len()).unwrap_or(u32::MAX),
            dataset: assignment.dataset.clone(),
            image: spec.image.clone(),
            workdir: spec.workdir.clone(),
            resources: spec.resources_of(&assignment.role),
            command: spec.commands.get(&assignment.role).cloned().unwrap_or_default(),
            // Assignments are made from the profile's own roles, so the role is there.
            launch: launch.unwrap_or_else(|| unreachable!("role {} is in its own profile", assignment.role)),
            launcher: profile.launcher.clone(),
            hyperparameters: spec.hyperparameters.clone(),
            declared: profile.hyperparameters.keys().cloned().collect(),
            switches: spec.switches.clone(),
            grace: profile.grace,
            success_codes: profile.success_codes.clone(),
            exit_codes: profile.exit_codes.clone(),
            peers: self.peers_of(assignment),
            job_name: spec.job_name.clone(),
        }
    }

    /// The other members where they listen; none before the start, as not all are known then.
    fn peers_of(&self, assignment: &Assignment) -> Vec<Peer> {
        if assignment.desired != Desired::Run {
            return Vec::new();
        }
        self.members()
            .filter(|other| other.id != assignment.id)
            .filter_map(|other| {
                other.endpoints.as_ref().map(|endpoints| Peer {
                    role: other.role.clone(),
                    party: other.party.clone(),
                    index: other.index,
                    placement: self.placement(&other.role),
                    endpoints: endpoints.clone(),
                })
            })
            .collect()
    }

    fn placement(&self, role: &str) -> Placement {
        let role = self.run.spec.profile.roles.get(role);
        role.map_or(Placement::EachParty, |role| role.placement)
    }

    /// Whether the member did what the profile's completion asks of it.
    pub(crate) fn is_done(&self, member: &Assignment) -> bool {
        match self.run.spec.profile.completion.by {
            crate::profile::DoneBy::Exit => member.state == AssignmentState::Succeeded,
            crate::profile::DoneBy::Status => member.state == AssignmentState::Succeeded || member.progress.complete,
        }
    }
}
