//! (a) How long it takes from the start over REST until every party has its part of the desired state, while nothing else happens.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    Outcome,
    database::Databases,
    durable::Durable,
    figures::{Row, Samples, ms},
    options::{Kind, Options},
    stage::{Stage, parties},
    swarm::{Jobs, Swarm},
    work::{self, Framework},
};

/// How many parties a run has, and how many runs are measured, in full and for a quick look.
const SIZES: [(usize, usize, usize); 4] = [(2, 200, 20), (10, 100, 10), (50, 50, 5), (100, 50, 5)];

/// Not measured: connections are opened, statements are prepared.
const WARM_UP: usize = 5;

/// Between two starts, so that they are starts of an idle server.
const REST: Duration = Duration::from_millis(20);

/// Beside three commits.
const ALLOWED: Duration = Duration::from_millis(5);

const FRAMEWORK: Framework = Framework::Iflearner;

pub(super) async fn measure(kind: Kind, options: &Options, databases: &Databases) -> Outcome<Vec<Row>> {
    let stage = Stage::new(databases, kind, "a", options).await?;
    let largest = SIZES.iter().map(|(parties, ..)| *parties).max().unwrap_or_default();
    let names = parties(largest);
    let swarm = stage.swarm(&names, Jobs::Instant, None).await?;
    let durable = Durable::new(&stage.database).await?;
    let mut rows = Vec::new();
    for (size, real, quick) in SIZES {
        let name = format!("of-{size}");
        work::task(&stage.api, &name, FRAMEWORK, &names[..size], json!({})).await?;
        for _ in 0..WARM_UP {
            start(&stage, &swarm, &name, size).await?;
        }
        let (mut starts, mut commits) = (Samples::default(), Samples::default());
        for _ in 0..options.amount(real, quick) {
            // Beside each other in time, so that both meet the same disk.
            commits.push(durable.commit().await?);
            tokio::time::sleep(REST).await;
            starts.push(start(&stage, &swarm, &name, size).await?);
            tokio::time::sleep(REST).await;
        }
        let limit = commits.p50() * 3 + ALLOWED;
        let (what, is_met) = (format!("{size} parties"), starts.p50() <= limit);
        rows.push(Row::limited(
            format!("{what}: p50 of {} starts", starts.len()),
            ms(starts.p50()),
            ms(limit),
            is_met,
        ));
        rows.push(Row::beside(format!("{what}: p99"), ms(starts.p99())));
        let commit = format!("{}, {}", ms(commits.p50()), ms(commits.p99()));
        rows.push(Row::beside(format!("{what}: a durable commit, p50 and p99"), commit));
    }
    swarm.leave().await;
    Ok(rows)
}

/// Starts a run and lets it end; answers how long it took until all members were told.
async fn start(stage: &Stage, swarm: &Swarm, task: &str, parties: usize) -> Outcome<Duration> {
    let members = FRAMEWORK.members(parties);
    let begun = Instant::now();
    let run = stage.api.start(task).await?.id.to_string();
    let seen = swarm
        .watch()
        .until(&run, "to be told to all", |seen| seen.told == members)
        .await?;
    swarm
        .watch()
        .until(&run, "to be over", |seen| seen.gone == members)
        .await?;
    swarm.watch().forget(&run);
    Ok(seen.told_at.duration_since(begun))
}
