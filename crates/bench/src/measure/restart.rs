//! (d) A server that was killed with a full queue and many runs under way: how soon it plans, and has its agents back.

use std::time::{Duration, Instant, UNIX_EPOCH};

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use crate::{
    Outcome,
    copies::{Copies, unsaid},
    database::{Databases, note},
    figures::{Row, seconds},
    options::{Kind, Options},
    stage::{Stage, parties},
    swarm::{Jobs, Swarm},
    work::{self, Framework},
};

/// How many runs are under way, each at two parties of its own, which take part in one run at a time.
const RUNNING: (usize, usize) = (1000, 100);

/// How many more wait for each pair.
const WAITING_EACH: usize = 10;

/// How many are started at a time while all this is made.
const USERS: usize = 32;

const FRAMEWORK: Framework = Framework::Iflearner;

/// The queue deadline of a run that runs out while the server is down, in seconds.
const OVERDUE: u64 = 30;

/// Longer than this it is not waited for anything.
const PATIENCE: Duration = Duration::from_secs(180);

const LIMIT_PLAN: Duration = Duration::from_secs(2);
const LIMIT_ATTACHED: Duration = Duration::from_secs(15);

pub(super) async fn measure(kind: Kind, options: &Options, databases: &Databases) -> Outcome<Vec<Row>> {
    let pairs = options.amount(RUNNING.0, RUNNING.1);
    let mut stage = Stage::new(databases, kind, "d", options).await?;
    // The last two are idle, so that a run can begin there after the restart.
    let names = parties(2 * pairs + 2);
    let swarm = stage.swarm(&names, Jobs::Lasting, Some(1)).await?;
    fill(&mut stage, &swarm, &names[..2 * pairs], kind).await?;
    let (idle, busy) = (&names[2 * pairs..], &names[..2]);
    work::task(&stage.api, "next", FRAMEWORK, idle, json!({})).await?;
    let queue = json!({ "deadlines": { "queue": format!("{OVERDUE}s") } });
    work::task(&stage.api, "overdue", FRAMEWORK, busy, queue).await?;
    swarm.attached(names.len()).await?;

    let (begun, overdue) = (Instant::now(), stage.api.start("overdue").await?.id.to_string());
    // It is gone before the deadline and back after it.
    tokio::time::sleep_until((begun + Duration::from_secs(OVERDUE - 1)).into()).await;
    stage.server.kill9().await?;
    swarm.attached(0).await?;
    tokio::time::sleep_until((begun + Duration::from_secs(OVERDUE + 1)).into()).await;
    note("starting the server again");
    stage.server.start_again().await?;
    let up = stage.server.started.0.elapsed();
    let (planned, all_attached, next) = tokio::try_join!(
        planned(&stage, &overdue),
        async {
            swarm.attached(names.len()).await?;
            Ok(stage.server.started.0.elapsed())
        },
        next(&stage, &swarm),
    )?;
    let running = stage.api.count("Running", 2 * pairs).await?;
    let waiting = stage.api.count("Queued", 20 * pairs).await?;
    swarm.leave().await;
    Ok(vec![
        Row::beside("runs under way and waiting after it", format!("{running}, {waiting}")),
        Row::beside("from its start until REST and link are open", seconds(up)),
        Row::limited(
            "until a deadline that ran out meanwhile is acted on",
            seconds(planned),
            seconds(LIMIT_PLAN),
            planned <= LIMIT_PLAN,
        ),
        Row::limited(
            format!("until all {} agents are attached again", names.len()),
            seconds(all_attached),
            seconds(LIMIT_ATTACHED),
            all_attached <= LIMIT_ATTACHED,
        ),
        Row::beside("until a run that is started now is with its agents", seconds(next)),
    ])
}

/// Runs that are under way and runs that wait. The first of each pair's waiting ones is started over REST, and what was
/// stored of it is then copied, while no server is there.
async fn fill(stage: &mut Stage, swarm: &Swarm, names: &[String], kind: Kind) -> Outcome {
    let begun = Instant::now();
    let of_pairs: Vec<(usize, &[String])> = names.chunks_exact(2).enumerate().collect();
    let (api, pairs) = (stage.api.clone(), of_pairs.len());
    let under_way = stream::iter(of_pairs).map(|(number, pair)| {
        let api = api.clone();
        async move {
            let task = format!("pair-{number}");
            work::task(&api, &task, FRAMEWORK, pair, json!({})).await?;
            let run = api.start(&task).await?.id.to_string();
            let members = FRAMEWORK.members(2);
            swarm
                .watch()
                .until(&run, "to run", |seen| seen.running == members)
                .await?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(task)
        }
    });
    let tasks: Vec<String> = under_way.buffer_unordered(USERS).try_collect().await?;
    until("all runs are under way", async || {
        Ok(api.count("Running", 2 * pairs).await? == pairs)
    })
    .await?;
    note(&format!(
        "{pairs} runs are under way after {}",
        seconds(begun.elapsed())
    ));
    stream::iter(&tasks)
        .map(|task| api.start(task))
        .buffer_unordered(USERS)
        .try_collect::<Vec<_>>()
        .await?;
    // What each of them waits for is stored with it.
    let db = stage.database.connect(1).await?;
    until("all waiting runs know what for", async || Ok(unsaid(&db).await? == 0)).await?;
    stage.server.terminate().await?;
    Copies::of(&db, kind, true).await?.each(WAITING_EACH - 1).await?;
    db.close().await?;
    stage.server.start_again().await?;
    swarm.attached(names.len() + 2).await?;
    note(&format!("the queue is full after {}", seconds(begun.elapsed())));
    // What the server does about all that is its start, and is over before the one that is measured.
    tokio::time::sleep(Duration::from_secs(5)).await;
    Ok(())
}

async fn until(what: &str, is_so: impl AsyncFn() -> Outcome<bool>) -> Outcome {
    let begun = Instant::now();
    while !is_so().await? {
        if begun.elapsed() > PATIENCE {
            return Err(format!("waited {PATIENCE:?} until {what}").into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// How long after its start the server ended the run whose deadline ran out meanwhile, by its own clock.
async fn planned(stage: &Stage, overdue: &str) -> Outcome<Duration> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let run = stage.api.run(overdue).await?;
        if let Some(ended) = run.ended_at {
            let started = stage.server.started.1.duration_since(UNIX_EPOCH)?;
            let ended = Duration::from_micros(ended.micros().try_into()?);
            return ended
                .checked_sub(started)
                .ok_or_else(|| "the overdue run ended before the restart".into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(format!("run {overdue} is not planned {PATIENCE:?} after the restart").into())
}

/// How long after its start a run that begins at once is with its agents.
async fn next(stage: &Stage, swarm: &Swarm) -> Outcome<Duration> {
    let run = stage.api.start("next").await?.id.to_string();
    let members = FRAMEWORK.members(2);
    let seen = swarm
        .watch()
        .until(&run, "to be told to all", |seen| seen.told == members)
        .await?;
    Ok(seen.told_at.duration_since(stage.server.started.0))
}
