use std::path::{Path, PathBuf};

use super::{
    files::{self, FileLock},
    state::{ExitRecord, LaunchRecord, Started, StopRequest, now},
};
use crate::{Exit, LaunchError, Prepared};

/// The folder of one assignment: `work/`, `log/` and the state files.
///
/// ```text
/// prepared.json   reserved ports
/// launch.json     what to start
/// lock            held by the supervisor for as long as it lives
/// started.json    a process was started, or was about to be
/// stop.json       the end was asked for
/// exit.json       the end
/// released        the ports were given back
/// ```
#[derive(Clone, Debug)]
pub(crate) struct AssignmentDir {
    path: PathBuf,
}

impl AssignmentDir {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the folder, which is the key.
    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.path.join("work")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.path.join("supervisor.log")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    pub(crate) fn create(&self) -> Result<(), LaunchError> {
        files::private_folder(&self.work())?;
        files::private_folder(&self.log())
    }

    pub(crate) fn exists(&self) -> bool {
        self.path.is_dir()
    }

    pub(crate) fn prepared(&self) -> Result<Option<Prepared>, LaunchError> {
        files::read_json(&self.path.join("prepared.json"))
    }

    pub(crate) fn write_prepared(&self, prepared: &Prepared) -> Result<(), LaunchError> {
        files::write_json(&self.path.join("prepared.json"), prepared)
    }

    pub(crate) fn launch(&self) -> Result<Option<LaunchRecord>, LaunchError> {
        files::read_json(&self.path.join("launch.json"))
    }

    pub(crate) fn write_launch(&self, launch: &LaunchRecord) -> Result<(), LaunchError> {
        files::write_json(&self.path.join("launch.json"), launch)
    }

    pub(crate) fn started(&self) -> Result<Option<Started>, LaunchError> {
        files::read_json(&self.path.join("started.json"))
    }

    pub(crate) fn write_started(&self, started: &Started) -> Result<(), LaunchError> {
        files::write_json(&self.path.join("started.json"), started)
    }

    pub(crate) fn stop(&self) -> Result<Option<StopRequest>, LaunchError> {
        files::read_json(&self.path.join("stop.json"))
    }

    pub(crate) fn write_stop(&self, stop: &StopRequest) -> Result<(), LaunchError> {
        files::write_json(&self.path.join("stop.json"), stop)
    }

    pub(crate) fn exit(&self) -> Result<Option<ExitRecord>, LaunchError> {
        files::read_json(&self.path.join("exit.json"))
    }

    /// Writes how it ended, unless that is already known. The lock proves that nobody else does.
    pub(crate) fn write_exit(&self, _lock: &FileLock, record: &ExitRecord) -> Result<(), LaunchError> {
        if self.exit()?.is_some() {
            return Ok(());
        }
        files::write_json(&self.path.join("exit.json"), record)
    }

    /// [`write_exit`](Self::write_exit) of what was stopped before it could start.
    pub(crate) fn write_never_started(&self, lock: &FileLock) -> Result<(), LaunchError> {
        let at = now();
        let message = Some("stopped before it was started".to_owned());
        let exit = Exit {
            code: None,
            signal: None,
            reason: None,
            stopped: true,
            started_at: at,
            ended_at: at,
            message,
        };
        self.write_exit(lock, &ExitRecord { lost: false, exit })
    }

    pub(crate) fn is_released(&self) -> bool {
        self.path.join("released").exists()
    }

    pub(crate) fn write_released(&self) -> Result<(), LaunchError> {
        files::write_json(&self.path.join("released"), &now())
    }
}
