//! An assignment as a pod.

use std::path::{Component, Path};

use flow_domain::{
    AssignmentSpec, Reason,
    spec::{CaFiles, Local},
};
use flow_launcher::{
    Container, Files, Launch, LogLimits, Mount, Prepared, Resources, Volume,
    kubernetes::{PARTY_CERTIFICATE, SERVER_CERTIFICATE},
};

use super::{Household, unknown_launcher};
use crate::{config::Dataset, policy::Refusal};

/// Where a data set is mounted.
const DATA: &str = "/data";
/// Where the framework launcher is mounted.
const LAUNCHER: &str = "/flow/launcher";

impl Household {
    pub(super) fn check_pod(&self, spec: &AssignmentSpec) -> Result<(), Refusal> {
        self.image(spec)?;
        self.volume(spec)?;
        if let Some(workdir) = spec.workdir.as_ref().filter(|_| !spec.command.is_empty())
            && !workdir.starts_with('/')
        {
            let message =
                format!("workdir '{workdir}' is no absolute path: in a container it is a folder of the image");
            return Err(Refusal::new(Reason::WorkdirUnknown, message));
        }
        self.files(spec).map(drop)
    }

    pub(super) fn launch_pod(&self, spec: &AssignmentSpec, prepared: &Prepared) -> Result<Launch, Refusal> {
        let volume = self.volume(spec)?;
        let files = self.files(spec)?;
        let program = spec.launcher.as_ref().and_then(|name| self.launchers.entry(name));
        let local = Local {
            ports: prepared.listens().clone(),
            dataset_path: volume.as_ref().map(|_| DATA.to_owned()),
            launcher: program.map(|entry| format!("{LAUNCHER}/{entry}")),
            work_dir: prepared.dir.to_string_lossy().into_owned(),
            ca_files: CaFiles {
                aggregator: Some(SERVER_CERTIFICATE.to_owned()),
                parties: Some(PARTY_CERTIFICATE.to_owned()),
            },
        };
        let expanded = self.expand(spec, &local)?;
        let mut env = expanded.env;
        env.entry("HOME".to_owned()).or_insert(local.work_dir);
        let resources = spec.resources.or(self.config.resources);
        let mount = volume.map(|volume| Mount {
            volume,
            path: DATA.to_owned(),
            read_only: true,
        });
        Ok(Launch {
            argv: expanded.argv,
            env,
            workdir: spec
                .workdir
                .as_ref()
                .filter(|_| !spec.command.is_empty())
                .map(Into::into),
            grace: spec.grace.std(),
            log: LogLimits::default(),
            container: Some(Container {
                image: self.image(spec)?,
                resources: Resources {
                    cpu_millis: resources.cpu.map(|cpu| cpu.0),
                    memory_bytes: resources.memory.map(|memory| memory.0),
                    gpu: resources.gpu,
                },
                mounts: mount.into_iter().collect(),
                writable: spec.launch.writable.clone(),
                files,
            }),
        })
    }

    /// The framework launcher, unless the template does without.
    fn files(&self, spec: &AssignmentSpec) -> Result<Option<Files>, Refusal> {
        let Some(name) = &spec.launcher else { return Ok(None) };
        let texts = self.launchers.texts(name).ok_or_else(|| unknown_launcher(name))?;
        Ok(Some(Files {
            folder: LAUNCHER.to_owned(),
            texts,
        }))
    }

    fn volume(&self, spec: &AssignmentSpec) -> Result<Option<Volume>, Refusal> {
        let Some((name, dataset)) = self.data_set(spec)? else {
            return Ok(None);
        };
        match dataset.as_ref() {
            Dataset::Path(path) if self.is_allowed(path) => Ok(Some(Volume::HostPath(path.clone()))),
            Dataset::Path(path) => {
                tracing::warn!(dataset = name, path = %path.display(), "the data set is below none of kubernetes.host_path_roots");
                let message = format!("the data set '{name}' is in no folder that this party's agent may mount");
                Err(Refusal::new(Reason::PolicyRefused, message))
            }
            Dataset::Claim { claim, sub_path } => Ok(Some(Volume::Claim {
                name: claim.clone(),
                sub_path: sub_path.clone(),
            })),
            Dataset::Nfs { nfs, path } => Ok(Some(Volume::Nfs {
                server: nfs.clone(),
                path: path.clone(),
            })),
        }
    }

    /// Whether a folder of the node lies below an allowed one, as it is written: the agent does not see the node's links.
    fn is_allowed(&self, path: &Path) -> bool {
        let plain = path.components().all(|part| !matches!(part, Component::ParentDir));
        plain
            && self
                .config
                .kubernetes
                .host_path_roots
                .iter()
                .any(|root| path.starts_with(root))
    }
}
