//! Jobs as local processes, each under a supervisor that outlives the agent.
//!
//! Killing the agent, or its whole process group, does not reach a supervisor. Only a service
//! manager that ends the agent's whole cgroup does; under systemd the agent's unit therefore needs
//! `KillMode=process`.
//!
//! How "at most one process per key" holds: the supervisor takes the lock of the assignment's
//! folder, sees that there is neither `started.json` nor `stop.json`, writes `started.json`, and
//! only then spawns the job. It keeps the lock until it has written `exit.json`. So whoever finds
//! `started.json`, no `exit.json` and the lock free knows that the supervisor died.

mod cgroup;
mod config;
mod dir;
mod files;
mod logs;
mod ports;
mod procfs;
mod program;
mod retire;
mod settle;
mod start;
mod state;
mod supervisor;

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use async_trait::async_trait;

pub use config::{CgroupMode, ProcessConfig, SupervisorCommand};
pub use supervisor::supervise;

use crate::{Key, Launch, LaunchError, Launcher, LogQuery, LogStream, Observed, Prepare, Prepared};
use dir::AssignmentDir;
use ports::PortRegistry;

/// What a folder is renamed to while it is removed; no key can begin like this.
const REMOVED: &str = ".removed-";

/// Runs assignments as local processes.
///
/// All state is in the file system, and every decision is taken under a lock of the assignment's
/// folder or of the port registry; so any number of launchers, in one agent or in several, may
/// work on one root. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct ProcessLauncher {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: ProcessConfig,
    ports: PortRegistry,
}

impl ProcessLauncher {
    /// Checks `config` and makes its folders. Nothing of what runs below the root is touched.
    pub fn new(mut config: ProcessConfig) -> Result<Self, LaunchError> {
        config.validate()?;
        files::private_folder(&config.root)?;
        let root = &config.root;
        config.root = root
            .canonicalize()
            .map_err(LaunchError::io("find the real path of", root))?;
        let ports = PortRegistry::open(config.port_registry.clone(), config.ports.clone())?;
        let launcher = Self {
            shared: Arc::new(Shared { config, ports }),
        };
        launcher.shared.finish_removals();
        Ok(launcher)
    }

    fn dir(&self, key: &Key) -> AssignmentDir {
        AssignmentDir::new(self.shared.config.root.join(key.as_str()))
    }

    /// Runs `work` on the folder of `key` where blocking is allowed.
    async fn on_dir<T: Send + 'static>(
        &self,
        key: &Key,
        work: impl FnOnce(&Shared, &AssignmentDir, Key) -> Result<T, LaunchError> + Send + 'static,
    ) -> Result<T, LaunchError> {
        let (shared, dir, key) = (Arc::clone(&self.shared), self.dir(key), key.clone());
        blocking(move || work(&shared, &dir, key)).await
    }
}

#[async_trait]
impl Launcher for ProcessLauncher {
    async fn prepare(&self, key: &Key, prepare: &Prepare) -> Result<Prepared, LaunchError> {
        prepare.validate()?;
        let names = prepare.ports.clone();
        self.on_dir(key, move |shared, dir, key| shared.prepare(dir, key, &names))
            .await
    }

    async fn start(&self, key: &Key, launch: &Launch) -> Result<(), LaunchError> {
        launch.validate()?;
        let launch = launch.clone();
        let asked = self.on_dir(key, |shared, dir, key| shared.ask_for_start(dir, key, launch));
        if asked.await? == start::Asked::AlreadyDone {
            return Ok(());
        }
        start::take_off(&self.shared.config.supervisor, key, self.dir(key).path()).await
    }

    async fn observe(&self, key: &Key) -> Result<Observed, LaunchError> {
        self.on_dir(key, |_, dir, _| settle::settle(dir)).await
    }

    async fn stop(&self, key: &Key, grace: Duration) -> Result<(), LaunchError> {
        self.on_dir(key, move |_, dir, _| retire::stop(dir, grace)).await
    }

    async fn list(&self) -> Result<Vec<Key>, LaunchError> {
        let shared = Arc::clone(&self.shared);
        blocking(move || shared.list()).await
    }

    async fn release(&self, key: &Key) -> Result<(), LaunchError> {
        self.on_dir(key, |shared, dir, key| retire::release(&shared.ports, dir, key))
            .await
    }

    async fn purge(&self, key: &Key) -> Result<(), LaunchError> {
        self.on_dir(key, |shared, dir, key| retire::purge(&shared.config.root, dir, key))
            .await
    }

    fn logs(&self, key: &Key, query: LogQuery) -> LogStream {
        logs::stream(self.dir(key), query)
    }
}

impl Shared {
    fn prepare(&self, dir: &AssignmentDir, key: Key, names: &[String]) -> Result<Prepared, LaunchError> {
        let key = String::from(key);
        // Also keeps two prepares of one key apart.
        let registry = self.ports.lock()?;
        if dir.is_released() {
            return Err(LaunchError::Released { key });
        }
        if let Some(prepared) = dir.prepared()? {
            let same =
                prepared.ports.len() == names.len() && names.iter().all(|name| prepared.ports.contains_key(name));
            return if same {
                Ok(prepared)
            } else {
                Err(LaunchError::PrepareConflict { key })
            };
        }
        dir.create()?;
        let ports = registry.reserve(dir, names)?;
        let prepared = Prepared {
            host: self.config.host.clone(),
            ports,
            listen: BTreeMap::new(),
            tls: false,
            dir: dir.work(),
        };
        dir.write_prepared(&prepared)?;
        Ok(prepared)
    }

    fn list(&self) -> Result<Vec<Key>, LaunchError> {
        let root = &self.config.root;
        let mut keys = Vec::new();
        for entry in fs::read_dir(root).map_err(LaunchError::io("list", root))? {
            let entry = entry.map_err(LaunchError::io("list", root))?;
            // Not ours: what is no folder or has no key for a name.
            if let Ok(key) = Key::new(entry.file_name().to_string_lossy())
                && entry.file_type().is_ok_and(|kind| kind.is_dir())
            {
                keys.push(key);
            }
        }
        keys.sort_unstable();
        Ok(keys)
    }

    /// Removes what an agent was removing when it was killed.
    fn finish_removals(&self) {
        let Ok(entries) = fs::read_dir(&self.config.root) else {
            return;
        };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(REMOVED)
                && let Err(error) = fs::remove_dir_all(&path)
            {
                tracing::warn!(path = %path.display(), %error, "could not remove an old folder");
            }
        }
    }
}

/// Runs `work` where blocking is allowed. A panic in it goes on here.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LaunchError> + Send + 'static,
) -> Result<T, LaunchError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime shuts down, and this future will not be polled again.
            Err(_) => futures::future::pending().await,
        },
    }
}
