//! Chaos on real parts: real programs, a real MariaDB, real trainings. What can be killed is killed, what can be stopped is
//! stopped, and every way through the network breaks, while twenty runs are under way. All end right, none is lost, none is
//! doubled, and nothing is left.
//!
//! A seed decides what is done when; `FLOW_CHAOS_SEED=…` has the same done again. What the machine makes of it is its own.
#![allow(clippy::unwrap_used, reason = "a test ends there")]

mod database;
mod evidence;
mod plan;
mod runs;
mod seed;
mod teeth;
mod trace;
mod verdict;
mod world;

use std::time::Duration;

use self::{
    evidence::{Evidence, nothing_left, processes_of},
    plan::{Scope, plan},
    runs::Asked,
    seed::Seed,
    verdict::Verdict,
    world::World,
};

/// How many parties there are, beside the center.
const PARTIES: usize = 3;

/// How long things break, in milliseconds.
const CHAOS: u64 = 50_000;

/// After that everything ends in this time, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(180);

async fn chaos(jobs: bool, max_retries: u32) {
    let seed = Seed::choose();
    let mut world = World::start(PARTIES).await;
    let far = world.far_api();
    let asked = Asked::of(&world.system, &far, &seed, max_retries).await;
    let scope = Scope {
        agents: PARTIES,
        until: CHAOS,
        jobs,
    };
    world.suffer(&plan(&seed, scope)).await;
    let api = world.system.api.clone();
    let accepted = world.tend_while(asked.accepted()).await;
    world.tend_while(runs::ended(&api, LIMIT)).await;
    world.system.all_attached().await;
    nothing_left(&world.system).await;
    let evidence = Evidence::of(&world, accepted).await;
    eprintln!("{evidence}");
    let mut verdict = Verdict::on(&evidence, !jobs);
    let remains = world.end().await;
    let codes = &remains.codes;
    verdict.unless(codes.iter().all(|code| *code == Some(0)), || {
        format!("server and agents ended with {codes:?}")
    });
    for folder in [remains.system.dir(), remains.folder.path()] {
        let left = processes_of(folder);
        verdict.unless(left.is_empty(), || format!("still there: {left:?}"));
    }
    verdict.pass();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_run_minds_what_becomes_of_the_control_plane() {
    chaos(false, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_run_ends_right_whatever_is_killed() {
    chaos(true, 10).await;
}
