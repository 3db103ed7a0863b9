//! Several servers on one real MariaDB: any of them takes REST and agents, and one that is killed loses nothing.
#![allow(clippy::unwrap_used, reason = "a test ends there")]

use std::time::{Duration, Instant};

use flow_domain::{PartyId, RunId, RunState, party::Liveness};
use flow_mariadb::Server as Database;
use flow_testbed::{Api, Daemon, Replica, System, eventually, faulty, iflearner, within};
use reqwest::Method;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(150);

/// A database server of the test's own, with one database.
struct Own {
    server: Option<Database>,
    url: String,
    _folder: tempfile::TempDir,
}

impl Own {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let started = tokio::task::spawn_blocking(move || {
            let server = Database::start(&path).unwrap();
            let url = server.create_database("flow").unwrap();
            (server, url)
        });
        let (server, url) = started.await.unwrap();
        Self {
            server: Some(server),
            url,
            _folder: folder,
        }
    }

    async fn with(&mut self, act: impl FnOnce(&mut Database) + Send + 'static) {
        let mut server = self.server.take().unwrap();
        let acted = tokio::task::spawn_blocking(move || {
            act(&mut server);
            server
        });
        self.server = Some(acted.await.unwrap());
    }
}

/// Two servers; party-a is attached to the first, party-b to the second, and each knows the other one too.
async fn two(url: &str) -> (System, Replica) {
    let url = url.to_owned();
    let system = System::with(&iflearner().await)
        .server(move |config| config.database.url.clone_from(&url))
        .start()
        .await;
    let second = Replica::of(&system, "second").await;
    let mut system = system;
    let first = system.link.to_string();
    let other = second.link.to_string();
    for party in &mut system.parties {
        let (own, further) = if party.name == "party-b" {
            (&other, &first)
        } else {
            (&first, &other)
        };
        party.configure(|config| {
            config.server.address.clone_from(own);
            config.server.others = vec![further.clone()];
        });
        party.agent.kill().await;
        party.restart();
    }
    for api in [&system.api, &second.api] {
        all_online(api, 3).await;
    }
    (system, second)
}

async fn all_online(api: &Api, count: usize) {
    eventually(count, "attached agents", async || {
        let parties = api.parties().await;
        parties
            .iter()
            .filter(|party| party.liveness == Liveness::Online)
            .count()
    })
    .await;
}

fn training(name: &str, epochs: u32) -> Value {
    faulty(name, epochs, &["--fit-seconds", "1"])
}

/// The task of that name over both parties, started by way of one server.
async fn start(api: &Api, template: Value) -> RunId {
    let made = api.template(&template).await;
    let participants: Vec<Value> = ["party-a", "party-b"]
        .map(|party| json!({"party": party, "dataset": "numbers"}))
        .into();
    let task = json!({"name": made.spec.name, "template": made.id, "participants": participants});
    let task = api.task(&task).await;
    api.start(&task.id.to_string()).await.id
}

async fn succeeds(api: &Api, run: RunId) {
    let ended = api.finished(run, LIMIT).await;
    let said = format!("{}: {}", ended.reason, ended.message);
    assert_eq!((ended.state, ended.attempts.len()), (RunState::Succeeded, 1), "{said}");
}

/// When a program first said something of a run, by its log after `skip` bytes.
fn said_at(log: &str, is_it: impl Fn(&Value) -> bool) -> Option<jiff::Timestamp> {
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.find(|line| is_it(line))?["timestamp"].as_str()?.parse().ok()
}

#[tokio::test]
async fn a_run_over_two_servers_trains_and_both_tell_of_it() {
    let database = Own::start().await;
    let (system, second) = two(&database.url).await;
    let run = start(&second.api, training("both", 4)).await;
    // The logs of a party that is attached to the other one come by way of that.
    for (api, party) in [
        (&system.api, "party-b"),
        (&second.api, "party-a"),
        (&second.api, "center"),
    ] {
        within(LIMIT, &format!("the log of {party}"), async || {
            let path = format!("/runs/{run}/logs?party={party}&tail=1000");
            let answer = api.request(Method::GET, &path).send().await.ok()?;
            let text = answer.text().await.ok()?;
            (text.contains(party) && !text.contains("(flow:")).then_some(())
        })
        .await;
    }
    succeeds(&system.api, run).await;
    succeeds(&second.api, run).await;
    let of_both = (system.api.events(run).await, second.api.events(run).await);
    assert_eq!(of_both.0, of_both.1);

    // What one server decides, the agent at the other hears at once, and not when it would look by itself.
    let prepared = |line: &Value| line["message"] == "assignment changed" && line["state"] == "Prepared";
    let begun = |line: &Value| {
        let of_run = line["run"] == run.to_string();
        of_run && line["message"] == "run changed" && line["state"] == "Preparing"
    };
    let begun = said_at(&system.server.log(), begun).expect("the first server plans");
    let told = said_at(&system.parties[1].agent.log(), prepared).expect("party-b was told");
    let took = told.duration_since(begun);
    eprintln!("from the plan at one server to the agent at the other, prepared: {took:#}");
    assert!(took.as_secs() < 3, "{took:#}");
    system.nothing_left().await;
}

#[tokio::test]
async fn a_server_that_is_killed_loses_nothing() {
    let database = Own::start().await;
    let (mut system, mut second) = two(&database.url).await;
    let run = start(&second.api, training("through", 12)).await;
    system.api.reaches(run, RunState::Running, LIMIT).await;
    let jobs = system.jobs();

    // The one that does not plan: its agent goes to the other.
    second.server.kill().await;
    let killed = Instant::now();
    all_online(&system.api, 3).await;
    eprintln!(
        "after the second was killed all are attached within {:?}",
        killed.elapsed()
    );
    assert!(killed.elapsed() < Duration::from_secs(10), "{:?}", killed.elapsed());
    second.restart().await;

    // The one that plans, and hosts the center.
    system.server.kill().await;
    let killed = Instant::now();
    let here = ["party-a", "party-b"].map(|party| party.parse::<PartyId>().unwrap());
    within(LIMIT, "both parties at the second server", async || {
        let parties = second.api.parties().await;
        let online = parties.iter().filter(|party| party.liveness == Liveness::Online);
        (online.filter(|party| here.contains(&party.id)).count() == 2).then_some(())
    })
    .await;
    eprintln!(
        "after the first was killed both are attached within {:?}",
        killed.elapsed()
    );
    assert!(killed.elapsed() < Duration::from_secs(10), "{:?}", killed.elapsed());
    assert_eq!(system.jobs(), jobs, "the jobs run on");
    // Accepted while the other is away, and planned by this one.
    let later = start(&second.api, training("later", 2)).await;
    second.server.says("this server does this now", 0).await;
    let waiting = second.api.run(later).await;
    assert!(waiting.state < RunState::Running, "nobody hosts the center");

    system.restart_server().await;
    all_online(&second.api, 3).await;
    succeeds(&second.api, run).await;
    succeeds(&system.api, later).await;
    system.nothing_left().await;
}

#[tokio::test]
async fn half_a_minute_without_the_database_touches_no_job_and_no_attachment() {
    let mut database = Own::start().await;
    let url = database.url.clone();
    let system = System::with(&iflearner().await)
        .server(move |config| config.database.url.clone_from(&url))
        .start()
        .await;
    let run = system.submit(training("through", 40), json!({})).await;
    system.api.reaches(run, RunState::Running, LIMIT).await;
    let jobs = system.jobs();
    let attached = |system: &System| {
        let logs = system.parties.iter().map(|party| party.agent.log());
        logs.map(|log| log.matches("attached to the server\"").count())
            .sum::<usize>()
    };
    let before = attached(&system);

    database.with(|server| server.kill9().unwrap()).await;
    let gone = Instant::now();
    while gone.elapsed() < Duration::from_secs(30) {
        let answer = system
            .api
            .request(Method::GET, &format!("/runs/{run}"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 503);
        assert!(answer.headers().contains_key("retry-after"));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(system.jobs(), jobs, "the jobs run on");
    database.with(|server| server.start_again().unwrap()).await;
    eventually(RunState::Running, "the run", async || {
        let run = system.api.run_if_there(run).await;
        run.map_or(RunState::Queued, |run| run.state)
    })
    .await;
    assert_eq!(attached(&system), before, "no agent had to attach again");
    assert_eq!(system.jobs(), jobs);
    succeeds(&system.api, run).await;
    system.nothing_left().await;
}

#[tokio::test]
async fn a_second_server_on_a_file_is_refused() {
    let system = System::with(&iflearner().await).parties(0).start().await;
    let config = system.dir().join("server.toml");
    let mut other = Daemon::start(
        "flow-server",
        &[
            "--config",
            config.to_str().unwrap(),
            "--set",
            "rest.listen=127.0.0.1:0",
            "--set",
            "link.listen=127.0.0.1:0",
            "serve",
        ],
        &system.dir().join("other.log"),
    );
    assert_eq!(other.ended().await, Some(1));
    let log = other.log();
    let pid = system.server.pid();
    assert!(
        log.contains(&format!("in use by another flow-server (process {pid})")),
        "{log}"
    );
    assert!(log.contains("mysql://"), "{log}");
}
