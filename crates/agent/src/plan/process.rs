//! An assignment as a local process.

use std::path::{Path, PathBuf};

use flow_domain::{
    AssignmentSpec, Reason, nearest,
    spec::{CaFiles, Local},
};
use flow_launcher::{Launch, LogLimits, Prepared};

use super::{Household, unknown_launcher};
use crate::{config::Dataset, policy::Refusal};

impl Household {
    pub(super) fn check_process(&self, spec: &AssignmentSpec) -> Result<(), Refusal> {
        self.data_path(spec)?;
        self.workdir(spec)?;
        // A program that is a placeholder is known when the launch is made, and so is what peers stand for.
        if let Some(program) = spec.command.first().filter(|program| !program.contains('{')) {
            self.program(program)?;
        }
        self.launcher(spec).map(drop)
    }

    pub(super) fn launch_process(&self, spec: &AssignmentSpec, prepared: &Prepared) -> Result<Launch, Refusal> {
        let file = |path: &Path| (!path.as_os_str().is_empty()).then(|| text(path)).transpose();
        let ca_files = &self.config.process.ca_files;
        let local = Local {
            ports: prepared.listens().clone(),
            dataset_path: self.data_path(spec)?,
            launcher: self.launcher(spec)?,
            work_dir: text(&prepared.dir)?,
            ca_files: CaFiles {
                aggregator: file(&ca_files.aggregator)?,
                parties: file(&ca_files.parties)?,
            },
        };
        let expanded = self.expand(spec, &local)?;
        let mut argv = expanded.argv;
        argv[0] = text(self.program(&argv[0])?)?;
        let mut env = self.config.process.env.clone();
        env.insert("HOME".to_owned(), local.work_dir);
        env.extend(expanded.env);
        Ok(Launch {
            argv,
            env,
            workdir: self.workdir(spec)?,
            grace: spec.grace.std(),
            log: LogLimits::default(),
            container: None,
        })
    }

    fn launcher(&self, spec: &AssignmentSpec) -> Result<Option<String>, Refusal> {
        let Some(name) = &spec.launcher else { return Ok(None) };
        let program = self.launchers.program(name).ok_or_else(|| unknown_launcher(name))?;
        text(program).map(Some)
    }

    fn data_path(&self, spec: &AssignmentSpec) -> Result<Option<String>, Refusal> {
        let Some((name, dataset)) = self.data_set(spec)? else {
            return Ok(None);
        };
        let Dataset::Path(path) = dataset.as_ref() else {
            let message = format!("the data set '{name}' is a volume, and this party runs local processes");
            return Err(Refusal::new(Reason::DatasetUnknown, message));
        };
        if !self.config.datasets.contains_key(name) {
            return self.asked_path(name, path).map(Some);
        }
        if !path.exists() {
            // The path stays with the party; its own log has it.
            tracing::warn!(dataset = name, path = %path.display(), "the data set's path is missing");
            let message = format!("the data set '{name}' is not where this party's agent is told that it is");
            return Err(Refusal::new(Reason::DatasetUnknown, message));
        }
        text(path).map(Some)
    }

    /// A path that was asked for as it is: below a folder that the party allows, whatever links lead there. What is elsewhere and what
    /// is nowhere is refused in the same words, so that nobody learns from here what there is.
    fn asked_path(&self, name: &str, path: &Path) -> Result<String, Refusal> {
        let place = path.canonicalize().ok();
        let allows = |place: &PathBuf| {
            let mut roots = self.config.process.data_roots.iter();
            roots.any(|root| root.canonicalize().is_ok_and(|root| place.starts_with(root)))
        };
        place.filter(allows).map(text).unwrap_or_else(|| {
            tracing::warn!(
                path = name,
                "a path was asked for that is below none of process.data_roots, or not there"
            );
            let message = format!(
                "the path '{name}' is not there, or in no folder that this party allows: use the name of a data set"
            );
            Err(Refusal::new(Reason::DatasetUnknown, message))
        })
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
