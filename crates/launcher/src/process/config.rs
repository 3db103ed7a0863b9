use std::{env, ops::RangeInclusive, path::PathBuf};

use nix::unistd::getuid;
use serde::{Deserialize, Serialize};

use crate::LaunchError;

/// Linux hands out ports from here on to outgoing connections; one that listens there may find
/// its port taken.
const FIRST_EPHEMERAL: u16 = 32768;
const FIRST_UNPRIVILEGED: u16 = 1024;

/// How [`ProcessLauncher`](super::ProcessLauncher) is set up.
#[derive(Clone, Debug)]
pub struct ProcessConfig {
    /// Where the folders of the assignments are. Made with mode 0700 if need be.
    pub root: PathBuf,
    /// The program that supervises a job.
    pub supervisor: SupervisorCommand,
    /// The name or address under which others reach this machine.
    pub host: String,
    /// The ports to hand out; within 1024..=32767.
    pub ports: RangeInclusive<u16>,
    /// The folder where all agents of this machine and user note the ports they have handed out.
    pub port_registry: PathBuf,
    /// Whether jobs get a cgroup of their own.
    pub cgroup: CgroupMode,
}

impl ProcessConfig {
    /// The defaults: host 127.0.0.1, ports 20000 to 32000, the registry in the temporary folder.
    pub fn new(root: impl Into<PathBuf>, supervisor: SupervisorCommand) -> Self {
        let registry = format!("iflearner-flow-ports-{}", getuid());
        Self {
            root: root.into(),
            supervisor,
            host: "127.0.0.1".to_owned(),
            ports: 20000..=32000,
            port_registry: env::temp_dir().join(registry),
            cgroup: CgroupMode::Auto,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), LaunchError> {
        let invalid = |what: String| Err(LaunchError::InvalidConfig { what });
        let (first, last) = (*self.ports.start(), *self.ports.end());
        if first > last || first < FIRST_UNPRIVILEGED || last >= FIRST_EPHEMERAL {
            return invalid(format!(
                "ports {first} to {last} are not a range within {FIRST_UNPRIVILEGED} to {}",
                FIRST_EPHEMERAL - 1
            ));
        }
        if self.host.is_empty() {
            return invalid("host is empty".into());
        }
        if !self.supervisor.program.is_absolute() {
            let program = self.supervisor.program.display();
            return invalid(format!("supervisor {program} is not an absolute path"));
        }
        Ok(())
    }
}

/// The command line that runs [`supervise`](super::supervise); the assignment's folder is appended
/// to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupervisorCommand {
    /// An absolute path, as a rule that of the agent itself.
    pub program: PathBuf,
    /// What comes before the folder, such as the hidden subcommand `supervise`.
    pub args: Vec<String>,
}

impl SupervisorCommand {
    /// The running program itself, with the subcommand `supervise`.
    pub fn current_program() -> Result<Self, LaunchError> {
        let program = env::current_exe().map_err(LaunchError::io("find the running program", "/proc/self/exe"))?;
        Ok(Self {
            program,
            args: vec!["supervise".to_owned()],
        })
    }
}

/// Whether jobs get a cgroup of their own.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum CgroupMode {
    /// If a cgroup2 hierarchy is writable. Then even what detaches itself in a hurry is killed.
    #[default]
    Auto,
    /// Never.
    Off,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_stay_out_of_the_ephemeral_range() {
        let supervisor = SupervisorCommand {
            program: "/bin/true".into(),
            args: vec![],
        };
        let mut config = ProcessConfig::new("/nowhere", supervisor);
        config.validate().unwrap();
        for bad in [20000..=32768, 80..=90, RangeInclusive::new(30000, 20000)] {
            config.ports = bad.clone();
            assert!(config.validate().is_err(), "{bad:?} was accepted");
        }
    }
}
