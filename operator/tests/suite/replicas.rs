//! Two replicas, of which one is at work; and what it does when there is nothing to do.

use std::time::{Duration, Instant};

use flow_operator_api::JobReason;
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Pod};
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn one_of_two_leads_and_the_other_takes_over() {
    let world = World::new("leader").await;
    let mut first = world.operator_with(&["leader.identity=first"]);
    let holder = || async {
        let lease = world.api::<Lease>().get_opt("flow-operator").await.unwrap()?;
        lease.spec?.holder_identity.filter(|holder| !holder.is_empty())
    };
    assert_eq!(world.until("a leader", holder).await, "first");
    let second = world.operator_with(&["leader.identity=second"]);
    world.submit("a", json!({})).await;
    world.settled("a").await;
    assert_eq!(first.metric("flow_operator_leader", "").await, 1.0);
    assert_eq!(second.metric("flow_operator_leader", "").await, 0.0);
    assert_eq!(
        second.metric("flow_operator_writes_total", "").await,
        0.0,
        "who waits does not work"
    );

    let killed = Instant::now();
    first.kill();
    world.submit("b", json!({})).await;
    world.there::<Pod>("b").await;
    let took = killed.elapsed();
    assert!(took < Duration::from_secs(20), "it took {took:?}");
    assert_eq!(world.until("a leader", holder).await, "second");
}

#[tokio::test]
async fn a_leader_that_is_told_to_stop_hands_over_at_once() {
    let world = World::new("handover").await;
    let mut first = world.operator_with(&["leader.identity=first"]);
    world.submit("a", json!({})).await;
    world.settled("a").await;
    let _second = world.operator_with(&["leader.identity=second"]);
    let pid = nix::unistd::Pid::from_raw(i32::try_from(first.pid()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert!(first.ended().await.success(), "{}", first.log());
    let stopped = Instant::now();
    world.submit("b", json!({})).await;
    world.there::<Pod>("b").await;
    let took = stopped.elapsed();
    assert!(took < Duration::from_secs(7), "it took {took:?}");
}

#[tokio::test]
async fn a_leader_whose_lease_is_taken_stops() {
    let world = World::new("taken").await;
    let operator = world.operator();
    world.submit("a", json!({})).await;
    world.settled("a").await;
    // As another replica would that saw the Lease expire.
    let lease: Lease = world.there("flow-operator").await;
    let taken = kube::api::Patch::Merge(json!({ "spec": {
        "holderIdentity": "other", "leaseDurationSeconds": 3600, "renewTime": lease.spec.unwrap().renew_time,
    } }));
    world
        .api::<Lease>()
        .patch("flow-operator", &Default::default(), &taken)
        .await
        .unwrap();
    world
        .until("the end of it", || async {
            (operator.metric("flow_operator_leader", "").await == 0.0).then_some(())
        })
        .await;
    let writes = operator.metric("flow_operator_writes_total", "").await;
    world.submit("b", json!({})).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(operator.metric("flow_operator_writes_total", "").await, writes);
    assert!(world.api::<Pod>().get_opt("b").await.unwrap().is_none());
}

#[tokio::test]
async fn an_idle_operator_writes_nothing_and_a_restart_neither() {
    let world = World::new("idle").await;
    let mut operator = world.operator();
    for number in 0..5 {
        let name = format!("job-{number}x");
        world.submit(&name, json!({})).await;
        world.settled(&name).await;
        world.run(&name).await;
        world.reason(&name, JobReason::Running).await;
    }
    let before = operator.metric("flow_operator_writes_total", "").await;
    assert!(
        before <= 5.0 * 7.0,
        "{before} writes are too many:\n{}",
        operator.metrics().await
    );
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(operator.metric("flow_operator_writes_total", "").await, before);
    // Also when it looks at all of them anew.
    operator.kill();
    let operator = world.operator();
    world
        .until("looks at all", || async {
            let looks = operator.metric("flow_operator_reconcile_seconds_count", "").await;
            (looks >= 5.0).then_some(())
        })
        .await;
    assert_eq!(
        operator.metric("flow_operator_writes_total", "").await,
        0.0,
        "{}",
        operator.metrics().await
    );
}
