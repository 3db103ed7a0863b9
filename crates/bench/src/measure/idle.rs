//! (c) What a server needs for agents that do nothing.

use std::time::{Duration, Instant};

use crate::{
    Outcome,
    database::Databases,
    figures::{Row, seconds},
    options::{Kind, Options},
    process,
    stage::{Stage, parties},
    swarm::Jobs,
};

/// How many agents are attached.
const AGENTS: (usize, usize) = (5000, 500);

/// How long they idle, in seconds: some heartbeats of 10 s.
const IDLE: (usize, usize) = (60, 20);

/// What the server does after the last one came is not idling.
const SETTLE: Duration = Duration::from_secs(12);

/// Bytes of the server's memory for each.
const LIMIT_MEMORY: f64 = 60e3;

/// Of one core.
const LIMIT_CORE: f64 = 0.25;

pub(super) async fn measure(kind: Kind, options: &Options, databases: &Databases) -> Outcome<Vec<Row>> {
    let agents = options.amount(AGENTS.0, AGENTS.1);
    let idle = Duration::from_secs(options.amount(IDLE.0, IDLE.1).try_into()?);
    let stage = Stage::new(databases, kind, "c", options).await?;
    let pid = stage.server.pid()?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = process::memory(pid)?;

    let begun = Instant::now();
    let swarm = stage.swarm(&parties(agents), Jobs::Instant, None).await?;
    let attaching = begun.elapsed();
    let just_attached = process::memory(pid)?;
    tokio::time::sleep(SETTLE).await;

    let (begun, processor) = (Instant::now(), process::processor(pid)?);
    tokio::time::sleep(idle).await;
    let core = (process::processor(pid)? - processor).as_secs_f64() / begun.elapsed().as_secs_f64();
    let after = process::memory(pid)?;
    swarm.attached(agents).await?;
    swarm.leave().await;

    #[allow(clippy::cast_precision_loss, reason = "figures for people")]
    let each = |bytes: u64| bytes.saturating_sub(before) as f64 / agents as f64;
    let memory = each(after);
    Ok(vec![
        Row::limited(
            format!("memory of the server for each of {agents} agents"),
            format!("{:.1} KB", memory / 1e3),
            format!("{:.0} KB", LIMIT_MEMORY / 1e3),
            memory <= LIMIT_MEMORY,
        ),
        Row::beside(
            "the same just after the last one attached",
            format!("{:.1} KB", each(just_attached) / 1e3),
        ),
        Row::beside("the server without agents", format!("{:.1} MB", megabytes(before))),
        Row::limited(
            format!("processor time over {} at a heartbeat of 10 s", seconds(idle)),
            format!("{core:.3} of a core"),
            format!("{LIMIT_CORE} of a core"),
            core < LIMIT_CORE,
        ),
        Row::beside("all attached after", seconds(attaching)),
    ])
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
