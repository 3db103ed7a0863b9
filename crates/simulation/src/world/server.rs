//! A server on its host: the real one, apart from its listeners.

use std::{sync::Arc, time::Duration};

use flow_daemon::shutdown::Shutdown;
use flow_server::{
    config::SchedulingConfig,
    core::{Core, CoreConfig},
    store::{Store, StoreError},
};
use rand::{SeedableRng, rngs::StdRng};

use super::{World, connection, disk::ThroughDisk, relay::Doubling};

/// How often an agent says something at least.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// How long a run waits before room is kept for it.
const PATIENCE: Duration = Duration::from_secs(6);

/// How long a server whose database is away is left before it is started again.
const RESTART: Duration = Duration::from_millis(300);

/// One life of a server.
pub(super) async fn run(world: Arc<World>, name: String) -> turmoil::Result {
    let (Some(process), Some(disk), Some(desk)) = (
        world.processes.get(&name),
        world.disks.get(&name),
        world.desks.get(&name),
    ) else {
        return Err(format!("there is no server {name}").into());
    };
    let life = process.begin();
    let wire = ThroughDisk {
        disk: disk.clone(),
        gate: life.gate.clone(),
    };
    let store = Store::in_memory(world.memory.through(Arc::new(wire)));
    let config = CoreConfig {
        peers: Default::default(),
        heartbeat: HEARTBEAT,
        scheduling: SchedulingConfig {
            patience: PATIENCE,
            sites: world.plan.sites.clone(),
            deadlines: flow_domain::Deadlines::default(),
        },
        address: format!("{name}:{}", connection::PORT),
        // The center's agent is a program of its own here.
        center: false,
    };
    let doubling = world.plan.doubled.map(|probability| {
        let dice = StdRng::seed_from_u64(world.seed.wrapping_add(life.number));
        Doubling::new(dice, probability)
    });
    let shutdown = Shutdown::new();
    let core = loop {
        let started = async {
            let core = Core::open(store.clone(), life.ambient.clone(), config.clone()).await?;
            let incoming = connection::incoming(life.gate.clone(), doubling.clone());
            core.start(incoming, &shutdown).await?;
            Ok::<_, StoreError>(core)
        };
        match started.await {
            Ok(core) => break core,
            Err(error) => {
                tracing::info!(%error, "the server cannot start, and is started again");
                tokio::time::sleep(RESTART).await;
            }
        }
    };
    tracing::info!(life = life.number, "the server is up");
    desk.serve(core.services(), &life.gate).await;
    Ok(())
}
