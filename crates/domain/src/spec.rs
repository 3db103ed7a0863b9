//! Specs: what a run was started with, and what one agent is given of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    ids::{PartyId, RunId, TaskId},
    meaning::{self, Meaning},
    policy::Policies,
    profile::{LAUNCHER_SWITCH, Placement, Profile, Role, expand::TemplateError},
    reason::Reason,
    resources::Resources,
    task::{Participant, Select},
    template::HyperParameters,
    time::Span,
};

/// Everything a run was started with, frozen: later changes of template or task do not reach it. Only who takes part may be settled as
/// late as when it begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSpec {
    /// The framework profile.
    pub profile: Profile,
    /// The container image.
    pub image: Option<String>,
    /// The folder that holds the program.
    pub workdir: Option<String>,
    /// What each member of the data role needs of its machine.
    #[serde(default)]
    pub resources: Resources,
    /// The template's command for each role that has one.
    pub commands: BTreeMap<String, Vec<String>>,
    /// Who takes part; the position is the party's index.
    pub participants: Vec<Participant>,
    /// So many of the participants are enough. Until it begins: then they are those that take part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_parties: Option<u32>,
    /// Who else takes part. Until it begins: then they are among the participants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<Select>,
    /// The party that hosts the aggregation role.
    pub aggregator: PartyId,
    /// The merged hyper-parameters.
    pub hyperparameters: HyperParameters,
    /// The switches that are on.
    pub switches: BTreeSet<String>,
    /// Deadlines (with the profile's behind them) and retries.
    pub policies: Policies,
    /// What jobs are named by, where that is the task and not each assignment: its id as clients of `/api/v1` know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
}

impl RunSpec {
    /// Every member of a gang: role, party, index and data set, in a stable order.
    pub fn members(&self) -> impl Iterator<Item = Member<'_>> {
        self.profile.roles.iter().flat_map(|(role, data)| {
            let each: Vec<Member<'_>> = match data.placement {
                Placement::Aggregator => vec![Member {
                    role,
                    party: &self.aggregator,
                    index: 0,
                    dataset: None,
                }],
                Placement::EachParty => self
                    .participants
                    .iter()
                    .zip(0..)
                    .map(|(participant, index)| Member {
                        role,
                        party: &participant.party,
                        index,
                        dataset: participant.dataset.as_deref(),
                    })
                    .collect(),
            };
            each
        })
    }

    /// What a member of this role needs of its machine.
    pub fn resources_of(&self, role: &str) -> Resources {
        if self.profile.data_role() == Some(role) {
            self.resources
        } else {
            Resources::default()
        }
    }

    /// Every party that a run needs, once each.
    pub fn parties(&self) -> BTreeSet<&PartyId> {
        self.members().map(|member| member.party).collect()
    }
}

/// One place in a gang.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// The role's name in the profile.
    pub role: &'a str,
    /// The party whose agent carries it out.
    pub party: &'a PartyId,
    /// Its index within the role, from 0.
    pub index: u32,
    /// The party's data set.
    pub dataset: Option<&'a str>,
}

/// Where a member listens: a host and its ports by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Endpoints {
    /// The host, as others reach it.
    pub host: String,
    /// Ports by the profile's names; those that others can reach.
    pub ports: BTreeMap<String, u16>,
    /// Whether TLS is spoken there, for that host.
    #[serde(default)]
    pub tls: bool,
}

/// Another member of the gang, as one member sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Its role.
    pub role: String,
    /// Its party.
    pub party: PartyId,
    /// Its index within the role.
    pub index: u32,
    /// Where its role runs.
    pub placement: Placement,
    /// Where it listens.
    pub endpoints: Endpoints,
}

/// What an agent is given for one assignment. Paths are not in it: those are the agent's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssignmentSpec {
    /// The run.
    pub run: RunId,
    /// The task.
    pub task: TaskId,
    /// The task's name.
    pub task_name: String,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The framework's name.
    pub framework: String,
    /// The role's name.
    pub role: String,
    /// The party that carries it out.
    pub party: PartyId,
    /// The index within the role.
    pub index: u32,
    /// How many parties take part.
    pub parties: u32,
    /// The data set's name.
    pub dataset: Option<String>,
    /// The container image.
    pub image: Option<String>,
    /// The folder that holds the program.
    pub workdir: Option<String>,
    /// What the member needs of its machine.
    pub resources: Resources,
    /// The template's command for this role.
    pub command: Vec<String>,
    /// How the role launches.
    pub launch: Role,
    /// The framework launcher that the agent ships, where the profile asks for one.
    pub launcher: Option<String>,
    /// All hyper-parameters.
    pub hyperparameters: HyperParameters,
    /// The names of those that the profile itself gives to programs.
    pub declared: BTreeSet<String>,
    /// The switches that are on.
    pub switches: BTreeSet<String>,
    /// How long it may take to end after TERM.
    pub grace: Span,
    /// Exit codes that mean success.
    pub success_codes: Vec<i32>,
    /// Exit codes whose reason is known.
    pub exit_codes: BTreeMap<String, Reason>,
    /// The other members, once they are known.
    pub peers: Vec<Peer>,
    /// What the job is named by, where that is the task and not the assignment.
    pub job_name: Option<String>,
}

/// What only the agent knows: the local half of the placeholders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Local {
    /// The ports reserved for the member.
    pub ports: BTreeMap<String, u16>,
    /// Where the data set lies.
    pub dataset_path: Option<String>,
    /// Where the framework launcher lies.
    pub launcher: Option<String>,
    /// The working directory.
    pub work_dir: String,
    /// The certificates with which members that speak TLS are checked.
    pub ca_files: CaFiles,
}

/// Where a member finds the certificates that it checks others with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaFiles {
    /// For roles that the aggregator hosts.
    pub aggregator: Option<String>,
    /// For roles that run at every party.
    pub parties: Option<String>,
}

/// A command with nothing left to fill in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expanded {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The environment.
    pub env: BTreeMap<String, String>,
}

impl AssignmentSpec {
    /// Fills in every placeholder.
    ///
    /// # Errors
    /// A placeholder that means nothing in this assignment.
    pub fn expand(&self, local: &Local) -> Result<Expanded, TemplateError> {
        let mut on = self.switches.clone();
        on.extend(meaning::tls_switches(self));
        Meaning::of(self, local)?.command(&self.launch, &on)
    }

    /// The reason that an exit code stands for.
    pub fn exit_reason(&self, code: i32) -> Reason {
        if self.success_codes.contains(&code) {
            return Reason::ProcessSucceeded;
        }
        self.exit_codes
            .get(&code.to_string())
            .copied()
            .unwrap_or(Reason::ProcessFailed)
    }
}

/// The switches of a run: those asked for, and the launcher's unless the template opts out.
pub fn switches(asked: &[String], launcher: bool) -> BTreeSet<String> {
    let mut on: BTreeSet<String> = asked.iter().cloned().collect();
    if launcher {
        on.insert(LAUNCHER_SWITCH.to_owned());
    }
    on
}
