//! The control plane is killed in the middle of a training: the job runs on untouched and succeeds, and nothing is started twice.
#![allow(clippy::unwrap_used, reason = "a test ends there")]

use std::{collections::BTreeSet, time::Duration};

use flow_domain::{Reason, RunId, RunState};
use flow_testbed::{Job, System, faulty, iflearner};
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(90);

async fn running() -> (System, RunId, BTreeSet<(i32, u64)>) {
    let system = System::with(&iflearner().await).start().await;
    let run = system
        .submit(faulty("long", 6, &["--fit-seconds", "1"]), json!({}))
        .await;
    system.api.reaches(run, RunState::Running, LIMIT).await;
    let jobs = identities(&system.jobs());
    (system, run, jobs)
}

fn identities(jobs: &[Job]) -> BTreeSet<(i32, u64)> {
    jobs.iter().map(|job| (job.pid, job.started)).collect()
}

async fn succeeds_in_one_attempt(system: &System, run: RunId) {
    let run = system.api.finished(run, LIMIT).await;
    assert_eq!(
        (run.state, run.attempts.len()),
        (RunState::Succeeded, 1),
        "{}: {}",
        run.reason,
        run.message
    );
    assert_eq!(run.reason, Reason::Completed);
    system.nothing_left().await;
}

#[tokio::test]
async fn an_agent_killed_and_started_again_finds_its_jobs() {
    let (mut system, run, jobs) = running().await;
    system.parties[0].agent.kill().await;
    assert_eq!(identities(&system.jobs()), jobs, "the jobs run on without the agent");
    system.parties[0].restart();
    system.all_attached().await;
    assert_eq!(identities(&system.jobs()), jobs, "and nothing is started twice");
    succeeds_in_one_attempt(&system, run).await;
}

#[tokio::test]
async fn a_server_killed_and_started_again_goes_on_where_it_was() {
    let (mut system, run, jobs) = running().await;
    system.server.kill().await;
    assert_eq!(
        identities(&system.jobs()),
        jobs,
        "the jobs run on without the server, and the center's too"
    );
    system.restart_server().await;
    system.all_attached().await;
    assert_eq!(identities(&system.jobs()), jobs, "and nothing is started twice");
    succeeds_in_one_attempt(&system, run).await;
}

#[tokio::test]
async fn everything_may_be_killed_at_once() {
    let (mut system, run, jobs) = running().await;
    system.server.kill().await;
    for party in &mut system.parties {
        party.agent.kill().await;
    }
    assert_eq!(identities(&system.jobs()), jobs);
    for party in &mut system.parties {
        party.restart();
    }
    system.restart_server().await;
    succeeds_in_one_attempt(&system, run).await;
}

#[tokio::test]
async fn a_run_that_ends_while_its_agent_is_away_is_learned_of_later() {
    let (mut system, run, _) = running().await;
    system.parties[0].agent.kill().await;
    let party = system.parties[0].name.clone();
    flow_testbed::eventually(0, "processes at the party", async || {
        let own = system.dir().join(&party);
        flow_testbed::jobs_under(&own).len()
    })
    .await;
    system.parties[0].restart();
    succeeds_in_one_attempt(&system, run).await;
}

#[tokio::test]
async fn an_agent_that_stays_away_is_given_up_after_its_deadline() {
    let mut system = System::with(&iflearner().await).start().await;
    let more = json!({"policies": {"deadlines": {"offline": "2s"}}});
    let run = system.submit(faulty("away", 50, &["--fit-seconds", "1"]), more).await;
    system.api.reaches(run, RunState::Running, LIMIT).await;
    system.parties[1].agent.kill().await;
    // Or it could end by itself, as its server goes away.
    let job = system.job(run, "party-b", "party").await;
    flow_testbed::signal(job.pid, nix::sys::signal::Signal::SIGSTOP);
    let ended = system.api.finished(run, LIMIT).await;
    assert_eq!(
        (ended.state, ended.reason),
        (RunState::Failed, Reason::PartyOffline),
        "{}",
        ended.message
    );
    assert!(ended.message.contains("party-b"), "{}", ended.message);
    // The agent that comes back finds a job that nobody wants any more, and ends it.
    assert!(system.jobs().iter().any(|left| left.pid == job.pid));
    system.parties[1].restart();
    system.nothing_left().await;
}

#[tokio::test]
async fn a_run_waits_for_a_party_that_is_away_and_says_so() {
    let mut system = System::with(&iflearner().await).start().await;
    system.parties[1].agent.terminate().await;
    let run = system.submit(faulty("waits", 2, &[]), json!({})).await;
    flow_testbed::eventually(Reason::WaitingForParty, "why it waits", async || {
        system.api.run(run).await.reason
    })
    .await;
    let why = system.api.why(run).await;
    assert!(why.message.contains("party-b: offline since"), "{}", why.message);
    system.parties[1].restart();
    succeeds_in_one_attempt(&system, run).await;
}
