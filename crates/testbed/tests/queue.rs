//! Runs that find no room wait, in order, and are told for what; as soon as there is room they begin.
#![allow(clippy::unwrap_used, reason = "a test ends there")]

use std::time::Duration;

use flow_domain::{Reason, RunId, RunState};
use flow_testbed::{System, eventually, faulty, iflearner};
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(60);

async fn place(system: &System, run: RunId) -> Option<u64> {
    system.api.run(run).await.place
}

#[tokio::test]
async fn runs_without_room_wait_in_order_and_begin_as_others_end() {
    let system = System::with(&iflearner().await);
    let system = system
        .federate(|config| config.agent.capacity.runs = Some(1))
        .start()
        .await;
    let train = |name: &str| faulty(name, 50, &["--fit-seconds", "1"]);
    let first = system.submit(train("first"), json!({})).await;
    system.api.reaches(first, RunState::Running, LIMIT).await;
    assert_eq!(place(&system, first).await, None);

    let second = system.submit(train("second"), json!({})).await;
    let waiting = system.api.run(second).await;
    assert_eq!(
        (waiting.state, waiting.reason),
        (RunState::Queued, Reason::WaitingForCapacity)
    );
    assert_eq!(
        waiting.message,
        "party-a: 0 of 1 slots free; party-b: 0 of 1 slots free"
    );
    assert_eq!(waiting.place, Some(1));
    let why = system.api.why(second).await;
    assert!(why.message.contains("party-a: 0 of 1 slots free"), "{why:?}");

    let urgent = json!({"policies": {"priority": 5}});
    let third = system.submit(train("third"), urgent).await;
    assert_eq!(
        (place(&system, third).await, place(&system, second).await),
        (Some(1), Some(2))
    );

    system.api.cancel(first).await;
    system.api.reaches(third, RunState::Running, LIMIT).await;
    assert_eq!(
        system.api.run(second).await.state,
        RunState::Queued,
        "there is room for one only"
    );
    eventually(Some(1), "the place of the second", async || {
        place(&system, second).await
    })
    .await;
    // Who waits is cancelled at once, and leaves nothing behind.
    let fourth = system.submit(train("fourth"), json!({})).await;
    system.api.cancel(fourth).await;
    assert_eq!(system.api.run(fourth).await.state, RunState::Cancelled);

    // Over a restart of the server everything is as it was.
    let mut system = system;
    system.server.kill().await;
    system.restart_server().await;
    system.all_attached().await;
    assert_eq!(system.api.run(second).await.state, RunState::Queued);
    assert_eq!(system.api.run(third).await.state, RunState::Running);
    system.api.cancel(third).await;
    system.api.reaches(second, RunState::Running, LIMIT).await;
    system.api.cancel(second).await;
    system.nothing_left().await;
}
