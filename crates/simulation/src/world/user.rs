//! Users: they ask until they have an answer, each time with the same idempotency key, at whichever server answers.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use flow_domain::{ErrorCode, RunId, approval::Judgement, run::StartOptions};
use flow_server::{
    service::{Refusal, Services},
    store::Claim,
};

use super::World;
use crate::{
    plan::{LAST, Opinion, Start},
    time::Moment,
};

/// Between an answer that does not help and the next try.
const PAUSE: Duration = Duration::from_millis(350);

/// How long after everything is well the last run is asked for: agents attach again within their longest pause, and what nobody
/// wants any more is stopped.
const RECOVERY: Duration = Duration::from_secs(20);

/// Asks for everything in the plan.
pub(super) async fn run(world: Arc<World>) -> turmoil::Result {
    let plan = &world.plan;
    for template in &plan.asked.templates {
        let (spec, claim) = (template.clone(), claim(&format!("template {}", template.name)));
        until(&world, "template", move |services| {
            let (spec, claim) = (spec.clone(), claim.clone());
            async move { services.create_template(spec, Some(&claim)).await.map(drop) }
        })
        .await;
    }
    for task in &plan.asked.tasks {
        let (spec, claim) = (task.clone(), claim(&format!("task {}", task.name)));
        until(&world, "task", move |services| {
            let (spec, claim) = (spec.clone(), claim.clone());
            async move { services.create_task(spec, Some(&claim)).await.map(drop) }
        })
        .await;
    }
    let starts = plan.asked.starts.iter().cloned().zip(1..);
    let started = starts.map(|(start, number)| one(world.clone(), start, format!("start-{number}")));
    let last = async {
        sleep_until(plan.calm_from).await;
        tokio::time::sleep(RECOVERY).await;
        let start = Start {
            at: Moment::now(),
            task: LAST.to_owned(),
            opinions: vec![Opinion {
                granted: true,
                after: 300,
            }],
            cancel_after: None,
        };
        one(world.clone(), start, LAST.to_owned()).await;
    };
    futures::future::join(futures::future::join_all(started), last).await;
    world.asked.store(true, Ordering::Relaxed);
    Ok(())
}

async fn sleep_until(at: Moment) {
    let left = at.0.saturating_sub(Moment::now().0);
    tokio::time::sleep(Duration::from_micros(u64::try_from(left).unwrap_or_default())).await;
}

/// One run, what is said of it, and perhaps its end.
async fn one(world: Arc<World>, start: Start, key: String) {
    sleep_until(start.at).await;
    let (task, claim) = (start.task, claim(&format!("run {key}")));
    let run = until(&world, "start", move |services| {
        let (task, claim) = (task.clone(), claim.clone());
        async move { services.start_run(&task, &StartOptions::default(), Some(&claim)).await }
    })
    .await;
    world.judge.accepted(Moment::now(), &key, run.id);
    let opinions = start.opinions.iter().filter(|_| run.spec.policies.approval);
    let opinions = opinions.map(|opinion| judge(&world, run.id, *opinion));
    futures::future::join(
        futures::future::join_all(opinions),
        cancel(&world, run.id, start.cancel_after),
    )
    .await;
}

/// Somebody approves a run, or rejects it.
async fn judge(world: &World, run: RunId, Opinion { granted, after }: Opinion) {
    tokio::time::sleep(Duration::from_millis(after)).await;
    let says = if granted { "approves" } else { "rejects" };
    world.judge.note(Moment::now(), &format!("somebody {says} run {run}"));
    let judgement = Judgement {
        by: "somebody".to_owned(),
        comment: says.to_owned(),
    };
    let decided = until(world, "judgement", move |services| {
        let judgement = judgement.clone();
        async move { unless_too_late(services.judge_run(run, granted, &judgement).await) }
    });
    if decided.await.is_some() {
        world.judge.decided(Moment::now(), run, granted);
    }
}

async fn cancel(world: &World, run: RunId, after: Option<u64>) {
    let Some(after) = after else { return };
    tokio::time::sleep(Duration::from_millis(after)).await;
    world
        .judge
        .note(Moment::now(), &format!("somebody wants the end of run {run}"));
    until(world, "cancel", move |services| async move {
        unless_too_late(services.cancel_run(run).await)
    })
    .await;
}

/// Nothing if it was over, or decided otherwise, already.
fn unless_too_late<T>(done: Result<T, Refusal>) -> Result<Option<T>, Refusal> {
    match done {
        Err(refusal) if refusal.code == ErrorCode::Conflict => Ok(None),
        done => done.map(Some),
    }
}

fn claim(key: &str) -> Claim {
    Claim {
        id: key.to_owned(),
        fingerprint: key.to_owned(),
    }
}

/// Asks until it is done: one server after the other.
async fn until<T: Send + 'static, F: Future<Output = Result<T, Refusal>> + Send + 'static>(
    world: &World,
    what: &str,
    request: impl Fn(Services) -> F + Clone + Send + 'static,
) -> T {
    loop {
        for desk in world.desks.values() {
            match desk.ask(request.clone()).await {
                Ok(Ok(done)) => return done,
                Ok(Err(refusal)) => {
                    world
                        .judge
                        .note(Moment::now(), &format!("{what} refused: {:?}", refusal.code));
                    tracing::info!(what, code = ?refusal.code, detail = refusal.detail, "refused; asking again");
                }
                Err(_) => world.judge.note(Moment::now(), &format!("{what}: no answer")),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
