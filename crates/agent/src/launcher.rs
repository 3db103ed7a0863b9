//! Sets the launcher up as the agent's settings say.

use std::{path::Path, sync::Arc};

use flow_domain::PartyId;
use flow_launcher::{
    LaunchError, Launcher,
    kubernetes::KubernetesLauncher,
    process::{CgroupMode, ProcessConfig, ProcessLauncher, SupervisorCommand},
};

use crate::config::{AgentConfig, ProcessSettings};

/// The launcher of a party's jobs: Kubernetes where the settings say so, else local processes with their files under `data`, watched over
/// by `supervisor`.
///
/// # Errors
/// If the settings contradict themselves, the folder cannot be used, or no cluster is named.
pub async fn launcher(
    party: &PartyId,
    data: &Path,
    config: &AgentConfig,
    supervisor: Option<&Path>,
) -> Result<Arc<dyn Launcher>, LaunchError> {
    if config.kubernetes.enabled {
        let launcher = KubernetesLauncher::open(config.kubernetes.clone(), party.as_str()).await?;
        return Ok(Arc::new(launcher));
    }
    Ok(process_launcher(data, &config.process, supervisor)?)
}

/// A launcher of local processes with its files under `data`. `supervisor` is the program that watches over jobs, called with the job's
/// folder; the running program with `supervise` before it, if absent.
///
/// # Errors
/// If the settings contradict themselves or the folder cannot be used.
fn process_launcher(
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
