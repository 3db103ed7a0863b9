//! A party's agent on its host: the real one, with a launcher of simulated jobs.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use flow_agent::{Agent, AgentConfig, Journal, link};
use flow_launcher::kubernetes::KubernetesConfig;
use tokio_util::sync::CancellationToken;

use super::{World, connection};
use crate::{machine::SimLauncher, plan::Member};

/// One life of an agent.
pub(super) async fn run(world: Arc<World>, member: Member) -> turmoil::Result {
    let name = member.id.to_string();
    let (Some(process), Some(trouble)) = (world.processes.get(&name), world.troubles.get(&name)) else {
        return Err(format!("there is no party {name}").into());
    };
    let life = process.begin();
    let launcher = SimLauncher {
        party: name.clone(),
        ground: world.ground.clone(),
        gate: life.gate.clone(),
        trouble: trouble.clone(),
        skew: process.skew.clone(),
    };
    let config = AgentConfig {
        capacity: member.offers,
        site: member.site.clone().unwrap_or_default(),
        labels: member.labels.clone(),
        // Jobs are as pods: what they need is in their image, and nothing of the real machine is looked at.
        kubernetes: KubernetesConfig {
            enabled: true,
            keep: member.keep,
            ..KubernetesConfig::default()
        },
        ..AgentConfig::default()
    };
    let end = CancellationToken::new();
    let journal = Journal::in_memory(world.journals.get(&name).cloned().unwrap_or_default(), &life.ambient);
    let data = world.folder.join(&name);
    let agent = Agent::new(
        member.id.clone(),
        config,
        &data,
        Arc::new(launcher),
        journal,
        life.ambient,
        end.clone(),
    )?;
    let servers: Vec<String> = world.servers().map(str::to_owned).collect();
    let tries = AtomicUsize::new(usize::try_from(life.number).unwrap_or_default());
    let choose = move || servers[tries.fetch_add(1, Ordering::Relaxed) % servers.len()].clone();
    let dial = connection::dial(member.id, life.gate, choose);
    link::run(agent, dial, Arc::new(|_| {}), end).await;
    Ok(())
}
