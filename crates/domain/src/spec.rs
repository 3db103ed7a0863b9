//! Specs: what a run was started with, and what one agent is given of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    ids::{PartyId, RunId, TaskId},
    policy::Policies,
    profile::{Arg, LAUNCHER_SWITCH, Placement, Profile, Role, expand::TemplateError, expand::Values},
    reason::Reason,
    task::Participant,
    template::HyperParameters,
    time::Span,
};

/// Everything a run was started with, frozen: later changes of template or task do not reach it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSpec {
    /// The framework profile.
    pub profile: Profile,
    /// The container image.
    pub image: Option<String>,
    /// The folder that holds the program.
    pub workdir: Option<String>,
    /// The template's command for each role that has one.
    pub commands: BTreeMap<String, Vec<String>>,
    /// Who takes part; the position is the party's index.
    pub participants: Vec<Participant>,
    /// The party that hosts the aggregation role.
    pub aggregator: PartyId,
    /// The merged hyper-parameters.
    pub hyperparameters: HyperParameters,
    /// The switches that are on.
    pub switches: BTreeSet<String>,
    /// Deadlines (with the profile's behind them) and retries.
    pub policies: Policies,
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
    /// Ports by the profile's names.
    pub ports: BTreeMap<String, u16>,
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
        Meaning::of(self, local)?.command(&self.launch, &self.switches)
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

/// What placeholders stand for in one assignment. `docs/frameworks.md` lists them.
#[derive(Debug, Clone)]
pub struct Meaning(Values);

impl Meaning {
    /// Every placeholder that the role could use, with stand-in values: for checking before anything is known.
    pub fn possible(profile: &Profile, role: &str) -> Self {
        let mut values = Values::default();
        for name in [
            "run.id",
            "task.name",
            "attempt",
            "party.name",
            "party.index",
            "parties.count",
            "launcher",
            "work.dir",
            "dataset.path",
        ] {
            values.set(name, "x");
        }
        for name in profile.hyperparameters.keys() {
            values.set(format!("hyper.{name}"), "x");
        }
        for (name, other) in &profile.roles {
            for port in &other.ports {
                if other.placement == Placement::Aggregator {
                    values.set(format!("{name}.{port}"), "x");
                }
                if name == role {
                    values.set(format!("port.{port}"), "1");
                    values.set(format!("peers.{port}"), "x");
                }
            }
        }
        values.set("command.program", "x");
        for name in ["command", "command.args", "hyperparameters"] {
            values.many.insert(name.to_owned(), vec!["x".to_owned()]);
        }
        Self(values)
    }

    /// Lets `{hyper.…}` of a task stand for something too, and takes away what this member does not have.
    pub(crate) fn narrow(&mut self, hyperparameters: &HyperParameters, has_dataset: bool) {
        for name in hyperparameters.keys() {
            self.0.set(format!("hyper.{name}"), "x");
        }
        if !has_dataset {
            self.0.single.remove("dataset.path");
        }
    }

    fn of(spec: &AssignmentSpec, local: &Local) -> Result<Self, TemplateError> {
        let mut values = Values::default();
        values.set("run.id", spec.run.to_string());
        values.set("task.name", &spec.task_name);
        values.set("attempt", spec.attempt.to_string());
        values.set("party.name", spec.party.as_str());
        values.set("party.index", spec.index.to_string());
        values.set("parties.count", spec.parties.to_string());
        values.set("work.dir", &local.work_dir);
        if let Some(path) = &local.dataset_path {
            values.set("dataset.path", path);
        }
        if let Some(path) = &local.launcher {
            values.set("launcher", path);
        }
        for (name, value) in &spec.hyperparameters {
            values.set(format!("hyper.{name}"), value.to_string());
        }
        for (name, port) in &local.ports {
            values.set(format!("port.{name}"), port.to_string());
        }
        for (name, addresses) in addresses(spec) {
            values.set(name, addresses.join(";"));
        }
        let rest = spec
            .hyperparameters
            .iter()
            .filter(|(name, _)| !spec.declared.contains(*name));
        let rest = rest.map(|(name, value)| format!("--{name}={value}")).collect();
        values.many.insert("hyperparameters".to_owned(), rest);
        // The command may use everything above, and is then used by the profile.
        let mut command = Vec::new();
        for element in &spec.command {
            command.extend(values.element(element)?);
        }
        if let Some((program, args)) = command.split_first() {
            values.set("command.program", program);
            values.many.insert("command.args".to_owned(), args.to_vec());
        }
        values.many.insert("command".to_owned(), command);
        Ok(Self(values))
    }

    fn command(&self, role: &Role, switches: &BTreeSet<String>) -> Result<Expanded, TemplateError> {
        let mut argv = Vec::new();
        for arg in &role.argv {
            let texts = match arg {
                Arg::Plain(text) => std::slice::from_ref(text),
                Arg::When { when, argv } if switches.contains(when) => argv.as_slice(),
                Arg::When { .. } => continue,
            };
            for text in texts {
                argv.extend(self.0.element(text)?);
            }
        }
        let mut env = BTreeMap::new();
        for (name, text) in &role.env {
            env.insert(name.clone(), self.0.text(text)?);
        }
        Ok(Expanded { argv, env })
    }

    pub(crate) fn text(&self, template: &str) -> Result<String, TemplateError> {
        self.0.text(template)
    }

    pub(crate) fn element(&self, template: &str) -> Result<Vec<String>, TemplateError> {
        self.0.element(template)
    }
}

/// `server.grpc` for every other role's port, `peers.grpc` for the others of one's own role; in index order.
fn addresses(spec: &AssignmentSpec) -> BTreeMap<String, Vec<String>> {
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for port in &spec.launch.ports {
        // A single party has no peers, and `{peers.…}` is then empty.
        out.entry(format!("peers.{port}")).or_default();
    }
    let mut peers: Vec<&Peer> = spec.peers.iter().collect();
    peers.sort_by_key(|peer| peer.index);
    for peer in peers {
        let group = if peer.role == spec.role { "peers" } else { &peer.role };
        for (name, port) in &peer.endpoints.ports {
            let address = format!("{}:{port}", peer.endpoints.host);
            out.entry(format!("{group}.{name}")).or_default().push(address);
        }
    }
    out
}

/// The switches of a run: those asked for, and the launcher's unless the template opts out.
pub fn switches(asked: &[String], launcher: bool) -> BTreeSet<String> {
    let mut on: BTreeSet<String> = asked.iter().cloned().collect();
    if launcher {
        on.insert(LAUNCHER_SWITCH.to_owned());
    }
    on
}
