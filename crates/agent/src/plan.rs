//! Turns an assignment's spec into a launch: the party's own paths, programs, volumes and folders come in here.

mod pod;
mod process;

use std::{borrow::Cow, path::PathBuf};

use flow_domain::{
    AssignmentSpec, Reason, nearest,
    profile::Placement,
    spec::{Expanded, Local},
};
use flow_launcher::{Identity, Launch, Prepare, Prepared};

use crate::{
    assets::Launchers,
    config::{AgentConfig, Dataset},
    policy::{self, Refusal},
};

/// What the party has to fill specs in with.
#[derive(Debug)]
pub(crate) struct Household {
    pub(crate) config: AgentConfig,
    /// The framework launchers that the agent brings along.
    pub(crate) launchers: Launchers,
}

impl Household {
    /// Everything that can be checked before anything is reserved.
    pub(crate) fn check(&self, spec: &AssignmentSpec) -> Result<(), Refusal> {
        policy::check(&self.config.policy, spec)?;
        if self.config.kubernetes.enabled {
            self.check_pod(spec)
        } else {
            self.check_process(spec)
        }
    }

    /// What the assignment needs to have reserved.
    pub(crate) fn prepare(&self, spec: &AssignmentSpec) -> Prepare {
        Prepare {
            ports: spec.launch.ports.clone(),
            identity: Identity {
                party: spec.party.to_string(),
                aggregator: spec.launch.placement == Placement::Aggregator,
                role: spec.role.clone(),
                run: spec.run.to_string(),
                task: spec.task_name.clone(),
                attempt: spec.attempt,
                job_name: spec.job_name.clone(),
            },
            image: self.image(spec).ok(),
        }
    }

    /// The launch of a prepared assignment.
    pub(crate) fn launch(&self, spec: &AssignmentSpec, prepared: &Prepared) -> Result<Launch, Refusal> {
        if self.config.kubernetes.enabled {
            self.launch_pod(spec, prepared)
        } else {
            self.launch_process(spec, prepared)
        }
    }

    fn expand(&self, spec: &AssignmentSpec, local: &Local) -> Result<Expanded, Refusal> {
        for peer in spec.peers.iter().filter(|peer| peer.endpoints.tls) {
            let (known, setting) = match peer.placement {
                Placement::Aggregator => (&local.ca_files.aggregator, "aggregator"),
                Placement::EachParty => (&local.ca_files.parties, "parties"),
            };
            if known.is_none() {
                let (role, party) = (&peer.role, &peer.party);
                let message = format!("{role} of {party} speaks TLS, and this agent has no process.ca_files.{setting}");
                return Err(Refusal::new(Reason::SpecInvalid, message));
            }
        }
        let expanded = spec
            .expand(local)
            .map_err(|error| Refusal::new(Reason::SpecInvalid, error.to_string()))?;
        if expanded.argv.is_empty() {
            return Err(Refusal::new(Reason::SpecInvalid, "the command is empty"));
        }
        Ok(expanded)
    }

    /// The data set's name and place, if the assignment has one. A path, as clients of Iflearner Flow name data, stands for itself where
    /// the party allows it; launchers look at that.
    fn data_set<'a>(&'a self, spec: &'a AssignmentSpec) -> Result<Option<(&'a str, Cow<'a, Dataset>)>, Refusal> {
        let Some(name) = &spec.dataset else { return Ok(None) };
        let datasets = &self.config.datasets;
        match datasets.get(name) {
            Some(dataset) => Ok(Some((name, Cow::Borrowed(dataset)))),
            None if name.starts_with('/') => Ok(Some((name, Cow::Owned(Dataset::Path(PathBuf::from(name)))))),
            None => {
                let hint = nearest::hint(name, datasets.keys().map(String::as_str));
                let message = format!("this party has no data set '{name}'{hint}");
                Err(Refusal::new(Reason::DatasetUnknown, message))
            }
        }
    }

    fn image(&self, spec: &AssignmentSpec) -> Result<String, Refusal> {
        let own = &self.config.kubernetes.image;
        let image = spec.image.as_ref().or(Some(own)).filter(|image| !image.is_empty());
        image.cloned().ok_or_else(|| {
            let message = "the template names no container image, and this party has none of its own";
            Refusal::new(Reason::ImageMissing, message)
        })
    }
}

fn unknown_launcher(name: &str) -> Refusal {
    let message = format!("this agent ships no framework launcher '{name}': upgrade it");
    Refusal::new(Reason::SpecInvalid, message)
}
