//! The runs: what is asked for, asked for until it is accepted.

use std::time::Duration;

use flow_api::{IDEMPOTENCY_KEY, Page, RunView};
use flow_domain::RunId;
use flow_testbed::{Api, System, faulty};
use rand::Rng;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::seed::Seed;

/// How many there are.
pub(crate) const RUNS: usize = 20;

/// The epochs of each, of a second.
const EPOCHS: u32 = 8;

/// Within so many milliseconds all are asked for.
const SUBMITTED_WITHIN: u64 = 15_000;

/// After that an answer is taken for lost.
const PATIENCE: Duration = Duration::from_secs(3);

/// A run that was accepted.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) run: RunId,
    /// Its task.
    pub(crate) task: String,
    /// How often it was asked for in vain: without an answer, or with one that said "later".
    pub(crate) in_vain: u32,
}

/// Runs that are asked for, one after the other.
#[derive(Debug)]
pub(crate) struct Asked(Vec<JoinHandle<Accepted>>);

impl Asked {
    /// Makes the tasks, in peace, and begins to have them run. Answers come by way of `api`.
    pub(crate) async fn of(system: &System, api: &Api, seed: &Seed, max_retries: u32) -> Self {
        let mut choices = seed.choices(0);
        let template = system
            .api
            .template(&faulty("chaos", EPOCHS, &["--fit-seconds", "1"]))
            .await;
        let mut asked = Vec::new();
        for number in 0..RUNS {
            let name = format!("chaos-{number}");
            let task = task(system, &name, number, json!(template.id), max_retries);
            system.api.task(&task).await;
            let after = Duration::from_millis(choices.random_range(0..SUBMITTED_WITHIN));
            let pause = Duration::from_millis(choices.random_range(200..1_000));
            asked.push(tokio::spawn(insist(api.clone(), name, after, pause)));
        }
        Self(asked)
    }

    /// Waits until all are accepted.
    pub(crate) async fn accepted(self) -> Vec<Accepted> {
        let mut all = Vec::new();
        for asked in self.0 {
            all.push(asked.await.unwrap());
        }
        all
    }
}

/// Two neighbouring parties; the aggregation sits at the center, at one of them, or at somebody else.
fn task(system: &System, name: &str, number: usize, template: Value, max_retries: u32) -> Value {
    let party = |index: usize| &system.parties[index % system.parties.len()].name;
    let participants = [number, number + 1].map(|index| json!({"party": party(index), "dataset": "numbers"}));
    // All of them longer than the chaos: it is over before anybody may give up.
    let deadlines = ["prepare", "start", "register", "stall", "stop", "offline"];
    let deadlines: serde_json::Map<_, _> = deadlines
        .map(|name| (name.to_owned(), json!("10m")))
        .into_iter()
        .collect();
    let mut task = json!({
        "name": name,
        "template": template,
        "participants": participants,
        "policies": {"max_retries": max_retries, "deadlines": deadlines},
    });
    if number % 4 == 3 {
        task["aggregator"] = json!(party(number + number / 4));
    }
    task
}

/// Asks for a run until it is accepted, and then once more: it stays the same.
async fn insist(api: Api, task: String, after: Duration, pause: Duration) -> Accepted {
    sleep(after).await;
    let (mut runs, mut in_vain) = (Vec::new(), 0);
    while runs.len() < 2 {
        match ask(&api, &task).await {
            Some(run) => runs.push(run),
            None => in_vain += 1,
        }
        sleep(pause).await;
    }
    assert_eq!(runs[0], runs[1], "{task}: one key is one run");
    Accepted {
        run: runs[0],
        task,
        in_vain,
    }
}

/// Asks once; `None` if there is no answer, or if it says "later".
async fn ask(api: &Api, task: &str) -> Option<RunId> {
    let request = api.request(Method::POST, &format!("/tasks/{task}/runs"));
    let request = request
        .header(IDEMPOTENCY_KEY, format!("key-of-{task}"))
        .json(&json!({}));
    let answer = request.timeout(PATIENCE).send().await.ok()?;
    let (status, later) = (answer.status(), answer.headers().contains_key(header::RETRY_AFTER));
    // The rest of an answer may get lost as well.
    let text = answer.text().await.ok()?;
    match status {
        StatusCode::ACCEPTED => {
            let run: RunView = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            Some(run.id)
        }
        StatusCode::SERVICE_UNAVAILABLE if later => None,
        _ => panic!("{task}: {status}: {text}"),
    }
}

/// All runs that the server knows.
pub(crate) async fn all(api: &Api) -> Option<Vec<RunView>> {
    let answer = api
        .request(Method::GET, "/runs?limit=500")
        .timeout(PATIENCE)
        .send()
        .await
        .ok()?;
    let page: Page<RunView> = answer.json().await.ok()?;
    assert!(page.next.is_none(), "there are not that many");
    Some(page.items)
}

/// Waits until all runs have ended; fails after `limit`, with those that have not.
pub(crate) async fn ended(api: &Api, limit: Duration) {
    let deadline = Instant::now() + limit;
    let mut left = Vec::new();
    loop {
        if let Some(runs) = all(api).await {
            left = runs.into_iter().filter(|run| !run.state.is_terminal()).collect();
            if left.is_empty() {
                return;
            }
        }
        assert!(
            Instant::now() < deadline,
            "{limit:?} after the last fault there are runs without an end: {}",
            left.iter()
                .map(|run| format!("\n{} {} {}: {}", run.task_name, run.state, run.reason, run.message))
                .collect::<String>()
        );
        sleep(Duration::from_millis(300)).await;
    }
}
