//! (b) How many runs of two parties a second get to Running, for as long as one wants, when their jobs take no time.

use std::time::{Duration, Instant, SystemTime};

use flow_domain::Timestamp;
use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};
use serde_json::json;

use crate::{
    Outcome,
    database::Databases,
    durable::Durable,
    figures::{Row, Samples, ms},
    options::{Kind, Options},
    process,
    stage::{Stage, parties},
    swarm::{Jobs, Swarm},
    work::{self, Framework},
};

/// How many pairs of parties there are. Each has one run at a time, and the next as soon as that is over.
const PAIRS: (usize, usize) = (200, 20);

/// Before it counts, and while it does, in seconds.
const WARM_UP: (usize, usize) = (5, 2);
const WINDOW: (usize, usize) = (20, 5);

/// The database's own rate is measured for this long each way, before and after.
const RATE: Duration = Duration::from_secs(4);

/// Of the database's own rate.
const LIMIT: f64 = 0.3;

/// How many requests read what happened, once it is over.
const READERS: usize = 16;

pub(super) async fn measure(kind: Kind, options: &Options, databases: &Databases) -> Outcome<Vec<Row>> {
    let stage = Stage::new(databases, kind, "b", options).await?;
    let pairs = options.amount(PAIRS.0, PAIRS.1);
    let names = parties(2 * pairs);
    let swarm = stage.swarm(&names, Jobs::Instant, None).await?;
    let durable = Durable::new(&stage.database).await?;
    let mut rows = Vec::new();
    for framework in [Framework::Plain, Framework::Iflearner] {
        let mut tasks = Vec::new();
        for (number, pair) in names.chunks_exact(2).enumerate() {
            let name = format!("{}-{number}", framework.name().replace(' ', "-"));
            work::task(&stage.api, &name, framework, pair, json!({})).await?;
            tasks.push(name);
        }
        let before = durable.rate(RATE).await?;
        let load = load(&stage, &swarm, &tasks, framework, options).await?;
        let after = durable.rate(RATE).await?;
        let own = f64::midpoint(before.best(), after.best());
        let what = format!("{}, {pairs} pairs", framework.name());
        let limit = LIMIT * own;
        rows.push(Row::limited(
            format!("{what}: starts to Running a second"),
            format!("{:.0} ({:.2} of the database's own)", load.rate, load.rate / own),
            format!("{limit:.0} ({LIMIT} of it)"),
            load.rate >= limit,
        ));
        rows.push(Row::beside(
            "durable transactions of one row a second: 1 connection, 8 connections",
            format!(
                "{:.0}, {:.0}",
                f64::midpoint(before.one, after.one),
                f64::midpoint(before.many, after.many)
            ),
        ));
        rows.push(Row::beside(
            format!("{what}: from accepted to Running, p50 and p99"),
            format!("{}, {}", ms(load.waited.p50()), ms(load.waited.p99())),
        ));
        rows.push(Row::beside(
            format!("{what}: the server's processor time for each, from start to end"),
            ms(load.processor),
        ));
    }
    swarm.leave().await;
    Ok(rows)
}

/// What a server did under load.
struct Load {
    /// Runs that became Running, a second.
    rate: f64,
    /// How long they took from when they were accepted.
    waited: Samples,
    /// Of the server, for each.
    processor: Duration,
}

async fn load(
    stage: &Stage,
    swarm: &Swarm,
    tasks: &[String],
    framework: Framework,
    options: &Options,
) -> Outcome<Load> {
    let warm_up = Duration::from_secs(options.amount(WARM_UP.0, WARM_UP.1).try_into()?);
    let window = Duration::from_secs(options.amount(WINDOW.0, WINDOW.1).try_into()?);
    let pid = stage.server.pid()?;
    let end = Instant::now() + warm_up + window;
    let users = try_join_all(tasks.iter().map(|task| user(stage, swarm, task, framework, end)));
    let watched = async {
        tokio::time::sleep(warm_up).await;
        let begun = (Instant::now(), now()?, process::processor(pid)?);
        tokio::time::sleep_until(end.into()).await;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((begun, begun.0.elapsed(), now()?, process::processor(pid)?))
    };
    let (users, watched) = tokio::try_join!(users, watched)?;
    let ((_, from, processor_before), took, until, processor_after) = watched;
    // The server itself says when each became Running; it is asked once nothing depends on its speed any more.
    let started: Vec<(Timestamp, Timestamp)> = stream::iter(users.into_iter().flatten().map(|run| running(stage, run)))
        .buffer_unordered(READERS)
        .try_collect()
        .await?;
    let counted = started.iter().filter(|(_, running)| (from..until).contains(running));
    let waited: Samples = counted
        .map(|(accepted, running)| running.since(*accepted).std())
        .collect();
    let runs = u32::try_from(waited.len())?;
    Ok(Load {
        rate: f64::from(runs) / took.as_secs_f64(),
        processor: (processor_after - processor_before) / runs.max(1),
        waited,
    })
}

/// Starts a task, waits until its run is over, and does it again; answers the ids of the runs.
async fn user(stage: &Stage, swarm: &Swarm, task: &str, framework: Framework, end: Instant) -> Outcome<Vec<String>> {
    let members = framework.members(2);
    let mut runs = Vec::new();
    while Instant::now() < end {
        let run = stage.api.start(task).await?.id.to_string();
        swarm
            .watch()
            .until(&run, "to be over", |seen| seen.gone == members)
            .await?;
        swarm.watch().forget(&run);
        runs.push(run);
    }
    Ok(runs)
}

/// When a run was accepted, and when it became Running.
async fn running(stage: &Stage, run: String) -> Outcome<(Timestamp, Timestamp)> {
    let events = stage.api.events(&run).await?;
    let of_run = |state: &str| {
        events
            .iter()
            .find(|event| event.assignment.is_none() && event.state == state)
    };
    match (events.first(), of_run("Running")) {
        (Some(accepted), Some(running)) => Ok((accepted.at, running.at)),
        _ => Err(format!("run {run} never ran: {events:?}").into()),
    }
}

/// The time on the wall, as the server has it too.
fn now() -> Outcome<Timestamp> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(Timestamp(i64::try_from(since.as_micros())?))
}
