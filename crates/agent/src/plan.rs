//! Turns an assignment's spec into a launch: the party's own paths, programs and folders come in here.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use flow_domain::{AssignmentSpec, Reason, nearest, spec::Local};
use flow_launcher::{Launch, LogLimits, Prepared};

use crate::{
    config::AgentConfig,
    policy::{self, Refusal},
};

/// What the party has to fill specs in with.
#[derive(Debug)]
pub(crate) struct Household {
    pub(crate) config: AgentConfig,
    /// Framework launchers by name.
    pub(crate) launchers: BTreeMap<String, PathBuf>,
}

impl Household {
    /// Everything that can be checked before anything is reserved.
    pub(crate) fn check(&self, spec: &AssignmentSpec) -> Result<(), Refusal> {
        policy::check(&self.config.policy, spec)?;
        self.data_set(spec)?;
        self.workdir(spec)?;
        // A program that is a placeholder is known when the launch is made, and so is what peers stand for.
        if let Some(program) = spec.command.first().filter(|program| !program.contains('{')) {
            self.program(program)?;
        }
        self.launcher(spec).map(drop)
    }

    /// The launch of a prepared assignment.
    pub(crate) fn launch(&self, spec: &AssignmentSpec, prepared: &Prepared) -> Result<Launch, Refusal> {
        let local = self.local(spec, prepared)?;
        let expanded = spec
            .expand(&local)
            .map_err(|error| Refusal::new(Reason::SpecInvalid, error.to_string()))?;
        let mut argv = expanded.argv;
        let Some(first) = argv.first_mut() else {
            return Err(Refusal::new(Reason::SpecInvalid, "the command is empty"));
        };
        *first = text(self.program(first)?)?;
        let mut env = self.config.process.env.clone();
        env.insert("HOME".to_owned(), local.work_dir.clone());
        env.extend(expanded.env);
        Ok(Launch {
            argv,
            env,
            workdir: self.workdir(spec)?,
            grace: spec.grace.std(),
            log: LogLimits::default(),
        })
    }

    fn local(&self, spec: &AssignmentSpec, prepared: &Prepared) -> Result<Local, Refusal> {
        Ok(Local {
            ports: prepared.ports.clone(),
            dataset_path: self.data_set(spec)?,
            launcher: self.launcher(spec)?,
            work_dir: text(&prepared.dir)?,
        })
    }

    fn launcher(&self, spec: &AssignmentSpec) -> Result<Option<String>, Refusal> {
        let Some(name) = &spec.launcher else { return Ok(None) };
        let Some(path) = self.launchers.get(name) else {
            let message = format!("this agent ships no framework launcher '{name}': upgrade it");
            return Err(Refusal::new(Reason::SpecInvalid, message));
        };
        text(path).map(Some)
    }

    fn data_set(&self, spec: &AssignmentSpec) -> Result<Option<String>, Refusal> {
        let Some(name) = &spec.dataset else { return Ok(None) };
        let datasets = &self.config.datasets;
        let Some(path) = datasets.get(name) else {
            let hint = nearest::hint(name, datasets.keys().map(String::as_str));
            let message = format!("this party has no data set '{name}'{hint}");
            return Err(Refusal::new(Reason::DatasetUnknown, message));
        };
        if !path.exists() {
            // The path stays with the party; its own log has it.
            tracing::warn!(dataset = name, path = %path.display(), "the data set's path is missing");
            let message = format!("the data set '{name}' is not where this party's agent is told that it is");
            return Err(Refusal::new(Reason::DatasetUnknown, message));
        }
        text(path).map(Some)
    }

    fn workdir(&self, spec: &AssignmentSpec) -> Result<Option<PathBuf>, Refusal> {
        // A role that runs nothing of the template's needs no folder of it.
        let Some(name) = spec.workdir.as_ref().filter(|_| !spec.command.is_empty()) else {
            return Ok(None);
        };
        let workdirs = &self.config.process.workdirs;
        match workdirs.get(name) {
            Some(path) if path.is_dir() => Ok(Some(path.clone())),
            Some(path) => {
                tracing::warn!(workdir = name, path = %path.display(), "the application folder is missing");
                let message = format!("the application folder of workdir '{name}' is missing at this party");
                Err(Refusal::new(Reason::WorkdirUnknown, message))
            }
            None => {
                let hint = nearest::hint(name, workdirs.keys().map(String::as_str));
                let message = format!("this party has no application folder for workdir '{name}'{hint}");
                Err(Refusal::new(Reason::WorkdirUnknown, message))
            }
        }
    }

    fn program(&self, name: &str) -> Result<&Path, Refusal> {
        let programs = &self.config.process.programs;
        programs.get(name).map(PathBuf::as_path).ok_or_else(|| {
            let hint = nearest::hint(name, programs.keys().map(String::as_str));
            let name: String = name.chars().take(200).collect();
            let message = format!("this party runs no program '{name}'{hint}");
            Refusal::new(Reason::ProgramNotFound, message)
        })
    }
}

fn text(path: impl AsRef<Path>) -> Result<String, Refusal> {
    let path = path.as_ref();
    path.to_str().map(str::to_owned).ok_or_else(|| {
        let message = format!("the path {} is not UTF-8", path.display());
        Refusal::new(Reason::AgentError, message)
    })
}
