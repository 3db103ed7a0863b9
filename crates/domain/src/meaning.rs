//! What placeholders stand for in one assignment.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    profile::{
        self, Arg, Placement, Profile, Role, TLS_SWITCH,
        expand::{TemplateError, Values},
    },
    spec::{AssignmentSpec, Expanded, Local, Peer},
    template::HyperParameters,
};

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
            "work.dir",
            "dataset.path",
        ] {
            values.set(name, "x");
        }
        if profile.launcher.is_some() {
            values.set("launcher", "x");
        }
        for name in profile.hyperparameters.keys() {
            values.set(format!("hyper.{name}"), "x");
        }
        values.set("peers.ca_file", "x");
        for (name, other) in &profile.roles {
            if name != role {
                values.set(format!("{name}.ca_file"), "x");
            }
            for port in &other.ports {
                if other.placement == Placement::Aggregator && name != role {
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

    /// For a template's command: lets `{hyper.…}` of a task stand for something too, and takes away what a command or this member
    /// does not have.
    pub(crate) fn narrow(&mut self, hyperparameters: &HyperParameters, has_dataset: bool) {
        for name in hyperparameters.keys() {
            self.0.set(format!("hyper.{name}"), "x");
        }
        self.0.single.remove("command.program");
        for name in ["command", "command.args"] {
            self.0.many.remove(name);
        }
        if !has_dataset {
            self.0.single.remove("dataset.path");
        }
    }

    pub(crate) fn of(spec: &AssignmentSpec, local: &Local) -> Result<Self, TemplateError> {
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
        values.set("peers.ca_file", "");
        for peer in &spec.peers {
            let file = match peer.placement {
                Placement::Aggregator => &local.ca_files.aggregator,
                Placement::EachParty => &local.ca_files.parties,
            };
            let file = file.as_deref().filter(|_| peer.endpoints.tls);
            values.set(format!("{}.ca_file", group(spec, peer)), file.unwrap_or_default());
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

    pub(crate) fn command(&self, role: &Role, switches: &BTreeSet<String>) -> Result<Expanded, TemplateError> {
        let mut argv = Vec::new();
        for arg in &role.argv {
            let texts = match arg {
                Arg::Plain(text) => std::slice::from_ref(text),
                Arg::When { when, argv } if profile::conditions(when).all(|switch| switches.contains(switch)) => {
                    argv.as_slice()
                }
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

/// The first part of the placeholders that are about a peer.
fn group<'a>(spec: &AssignmentSpec, peer: &'a Peer) -> &'a str {
    if peer.role == spec.role { "peers" } else { &peer.role }
}

/// The switches that are on because others are reached over TLS: `server.tls`, `peers.tls`.
pub(crate) fn tls_switches(spec: &AssignmentSpec) -> impl Iterator<Item = String> {
    spec.peers
        .iter()
        .filter(|peer| peer.endpoints.tls)
        .map(|peer| format!("{}{TLS_SWITCH}", group(spec, peer)))
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
        let group = group(spec, peer);
        for (name, port) in &peer.endpoints.ports {
            let address = format!("{}:{port}", peer.endpoints.host);
            out.entry(format!("{group}.{name}")).or_default().push(address);
        }
    }
    out
}
