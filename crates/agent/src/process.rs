//! Sets the process launcher up as the agent's settings say.

use std::{path::Path, sync::Arc};

use flow_launcher::{
    LaunchError,
    process::{CgroupMode, ProcessConfig, ProcessLauncher, SupervisorCommand},
};

use crate::config::ProcessSettings;

/// A launcher of local processes with its files under `data`. `supervisor` is the program that watches over jobs, called with the job's
/// folder; the running program with `supervise` before it, if absent.
///
/// # Errors
/// If the settings contradict themselves or the folder cannot be used.
pub fn process_launcher(
    data: &Path,
    settings: &ProcessSettings,
    supervisor: Option<&Path>,
) -> Result<Arc<ProcessLauncher>, LaunchError> {
    let supervisor = match supervisor {
        None => SupervisorCommand::current_program()?,
        Some(program) => SupervisorCommand {
            program: program.to_owned(),
            args: Vec::new(),
        },
    };
    let mut config = ProcessConfig::new(data.join("assignments"), supervisor);
    config.host.clone_from(&settings.host);
    config.ports = settings.first_port..=settings.last_port;
    config.cgroup = if settings.cgroup {
        CgroupMode::Auto
    } else {
        CgroupMode::Off
    };
    if let Some(registry) = &settings.port_registry {
        config.port_registry.clone_from(registry);
    }
    Ok(Arc::new(ProcessLauncher::new(config)?))
}
