//! (e) A page of the list of runs, when there are few and when there are many.

use std::time::{Duration, Instant};

use flow_api::{Page, RunView};
use rand::Rng;
use serde_json::json;

use crate::{
    Outcome,
    copies::{self, Copies},
    database::{Databases, note},
    figures::{Row, Samples, ms, seconds},
    options::{Kind, Options},
    stage::{Stage, parties},
    swarm::Jobs,
    work::{self, Framework},
};

/// How many runs there are first, and then.
const FEW: usize = 1000;
const MANY: (usize, usize) = (1_000_000, 50_000);

/// How many tasks they are of.
const TASKS: usize = 20;

/// How many pages of each kind are asked for.
const PAGES: (usize, usize) = (300, 50);

/// Not measured: files and statements come into memory.
const WARM_UP: usize = 20;

/// Of the page at [`FEW`].
const LIMIT: u32 = 3;

/// The pages that are asked for: the first one of all runs is what a user sees first.
const KINDS: [(&str, Ask); 5] = [
    ("the newest", Ask::Newest),
    ("anywhere", Ask::Anywhere),
    ("the newest of a task", Ask::OfTask),
    ("the newest that failed", Ask::Failed),
    ("anywhere, of a task, in two states", Ask::Both),
];

#[derive(Debug, Clone, Copy)]
enum Ask {
    Newest,
    Anywhere,
    OfTask,
    Failed,
    Both,
}

impl Ask {
    /// Its query, at a place between the ends where it has one.
    fn query(self, runs: usize) -> String {
        // Not among the oldest: every page is to be full.
        let lowest = u64::try_from(runs / 2).unwrap_or(u64::MAX);
        let highest = u64::try_from(runs).unwrap_or(u64::MAX);
        let mut random = rand::rng();
        let cursor = Copies::id(random.random_range(lowest..highest));
        let task = random.random_range(0..TASKS);
        match self {
            Self::Newest => "/runs".to_owned(),
            Self::Anywhere => format!("/runs?cursor={cursor}"),
            Self::OfTask => format!("/runs?task=task-{task}"),
            Self::Failed => "/runs?state=Failed".to_owned(),
            Self::Both => format!("/runs?task=task-{task}&state=Failed,Succeeded&limit=20&cursor={cursor}"),
        }
    }
}

pub(super) async fn measure(kind: Kind, options: &Options, databases: &Databases) -> Outcome<Vec<Row>> {
    let mut stage = Stage::new(databases, kind, "e", options).await?;
    originals(&stage).await?;
    let many = options.amount(MANY.0, MANY.1);
    let count = options.amount(PAGES.0, PAGES.1);
    let db = stage.database.connect(1).await?;
    let size = copies::size_of_run(&db).await?;
    stage.server.terminate().await?;
    let copies = Copies::of(&db, kind, false).await?;
    let mut measured = Vec::new();
    for runs in [FEW, many] {
        let begun = Instant::now();
        copies.up_to(runs).await?;
        note(&format!("{runs} runs are there after {}", seconds(begun.elapsed())));
        stage.server.start_again().await?;
        measured.push(pages(&stage, runs, count).await?);
        stage.server.terminate().await?;
    }
    db.close().await?;
    let [few, many_pages] = measured.as_slice() else {
        return Err("two sizes are measured".into());
    };
    let mut rows = vec![Row::beside("documents of a run", format!("{size} bytes"))];
    for ((name, _), (few, many_page)) in KINDS.iter().zip(few.iter().zip(many_pages)) {
        let limit = few.p50() * LIMIT;
        rows.push(Row::limited(
            format!("{name}: p50 of {} at {many} runs", many_page.len()),
            ms(many_page.p50()),
            format!("{} (at {FEW}: {})", ms(limit), ms(few.p50())),
            many_page.p50() <= limit,
        ));
        rows.push(Row::beside(
            format!("{name}: p99 at {FEW}, at {many}"),
            format!("{}, {}", ms(few.p99()), ms(many_page.p99())),
        ));
    }
    Ok(rows)
}

/// Real runs, of several tasks, that have ended.
async fn originals(stage: &Stage) -> Outcome {
    let names = parties(2);
    let swarm = stage.swarm(&names, Jobs::Instant, None).await?;
    for number in 0..TASKS {
        let task = format!("task-{number}");
        work::task(&stage.api, &task, Framework::Iflearner, &names, json!({})).await?;
        let run = stage.api.start(&task).await?.id.to_string();
        let members = Framework::Iflearner.members(2);
        swarm
            .watch()
            .until(&run, "to be over", |seen| seen.gone == members)
            .await?;
    }
    swarm.leave().await;
    match stage.api.count("Succeeded", TASKS).await? {
        TASKS => Ok(()),
        others => Err(format!("{others} of {TASKS} runs succeeded").into()),
    }
}

/// Asks for pages of each kind.
async fn pages(stage: &Stage, runs: usize, count: usize) -> Outcome<Vec<Samples>> {
    let mut all = Vec::new();
    for (name, ask) in KINDS {
        let mut samples = Samples::default();
        for number in 0..WARM_UP + count {
            let (query, begun) = (ask.query(runs), Instant::now());
            let page: Page<RunView> = stage.api.get(&query).await?;
            let took: Duration = begun.elapsed();
            if page.items.is_empty() {
                return Err(format!("{name}: {query} has an empty page").into());
            }
            if number >= WARM_UP {
                samples.push(took);
            }
        }
        all.push(samples);
    }
    Ok(all)
}
