//! Jobs of tasks that were made over `/api/v1` are called as Iflearner Flow called them.

use flow_launcher::{LaunchErrorKind, Launcher as _, LogQuery, Observed};
use futures::TryStreamExt as _;
use kube::{ResourceExt as _, api::DeleteParams};
use serde_json::json;

use crate::site::{Site, TASK, key, launch, prepare, until, wanted};

#[tokio::test]
async fn names_and_hosts_are_those_that_scripts_know() {
    let site = Site::new("known").await;
    let center = site.launcher("center", |_| {}).await;
    let party = site.launcher("bank-1", |_| {}).await;
    let prepared = prepare(&center, &key("a"), "center", true).await.unwrap();
    assert_eq!(prepared.host, format!("{TASK}.server.fl.example"));
    let prepared = prepare(&party, &key("b"), "bank-1", false).await.unwrap();
    assert_eq!(prepared.host, format!("{TASK}.bank-1.party.fl.example"));
    // The party may lie in the center's cluster, and the center take part.
    prepare(&center, &key("c"), "center", false).await.unwrap();
    let expected = [
        format!("iflearnerjob-client-{TASK}-bank-1"),
        format!("iflearnerjob-client-{TASK}-center"),
        format!("iflearnerjob-server-{TASK}"),
    ];
    assert_eq!(site.names().await, expected);
    // Found again by what the cluster holds alone.
    let again = site.launcher("bank-1", |_| {}).await;
    assert_eq!(again.list().await.unwrap(), [key("b")]);
    assert_eq!(
        again
            .prepare(&key("b"), &wanted("bank-1", false, Some(TASK)))
            .await
            .unwrap(),
        prepared
    );
}

#[tokio::test]
async fn others_are_named_by_their_assignment() {
    let site = Site::new("others").await;
    let plain = site.launcher("bank-1", |_| {}).await;
    let prepared = plain.prepare(&key("a"), &wanted("bank-1", false, None)).await.unwrap();
    assert_eq!(prepared.host, "a.bank-1.party.fl.example");
    let without = site.launcher("bank-2", |config| config.task_names = false).await;
    let prepared = prepare(&without, &key("b"), "bank-2", false).await.unwrap();
    assert_eq!(prepared.host, "b.bank-2.party.fl.example");
    // A Service's name has 63 characters; a host has more.
    let long = site.launcher("hospital-of-the-north", |_| {}).await;
    let prepared = prepare(&long, &key("c"), "hospital-of-the-north", false).await.unwrap();
    assert_eq!(prepared.host, format!("{TASK}.hospital-of-the-north.party.fl.example"));
    assert_eq!(
        site.names().await,
        ["iflearnerjob-a", "iflearnerjob-b", "iflearnerjob-c"]
    );
    for name in ["", "A", "a.b", "-a", "a/../b", &"a".repeat(37)] {
        let error = plain.prepare(&key("d"), &wanted("bank-1", false, Some(name))).await;
        assert_eq!(error.unwrap_err().kind(), LaunchErrorKind::InvalidLaunch, "{name:?}");
    }
}

#[tokio::test]
async fn the_next_job_of_a_task_takes_the_place_of_the_one_before() {
    let site = Site::new("next").await;
    let launcher = site.launcher("bank-1", |_| {}).await;
    let name = format!("iflearnerjob-client-{TASK}-bank-1");
    let (first, second) = (key("first"), key("second"));
    prepare(&launcher, &first, "bank-1", false).await.unwrap();
    launcher.start(&first, &launch()).await.unwrap();
    let before = site.jobs().get(&name).await.unwrap().uid();
    // It runs, and then it has ended but the agent may not have said so: it stays.
    let taken = || async {
        let error = prepare(&launcher, &second, "bank-1", false).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.is_retryable()),
            (LaunchErrorKind::NameTaken, true),
            "{error}"
        );
        assert!(error.to_string().contains("first"), "{error}");
    };
    taken().await;
    site.ended(&name).await;
    until("the end of the first job", async || {
        matches!(launcher.observe(&first).await, Ok(Observed::Exited(_))).then_some(())
    })
    .await;
    taken().await;
    assert_eq!(site.jobs().get(&name).await.unwrap().uid(), before);

    launcher.release(&first).await.unwrap();
    // As an agent does: what the API server has not done yet is tried again. Its garbage collector looks for new kinds every 30 s.
    until("the second job", async || {
        match prepare(&launcher, &second, "bank-1", false).await {
            Ok(prepared) => Some(prepared),
            Err(error) if error.is_retryable() => None,
            Err(error) => panic!("{error}"),
        }
    })
    .await;
    assert_ne!(site.jobs().get(&name).await.unwrap().uid(), before);
    assert_eq!(launcher.list().await.unwrap(), std::slice::from_ref(&second));
    assert_eq!(launcher.observe(&first).await.unwrap(), Observed::Absent);
    let log: Vec<_> = launcher.logs(&first, LogQuery::default()).try_collect().await.unwrap();
    assert_eq!(log, []);
    // Giving up the first one leaves the second alone.
    launcher.release(&first).await.unwrap();
    launcher.purge(&first).await.unwrap();
    launcher.start(&second, &launch()).await.unwrap();
    assert_eq!(site.names().await, [name]);
}

#[tokio::test]
async fn what_somebody_else_made_stays() {
    let site = Site::new("foreign").await;
    let launcher = site.launcher("center", |_| {}).await;
    let name = format!("iflearnerjob-server-{TASK}");
    let ours = json!({"flow.iflearner.io/assignment": "other", "flow.iflearner.io/party": "center"});
    // As the original left it; and a copy of a job of ours under a name that is not its own.
    for metadata in [json!({}), json!({ "labels": ours })] {
        let foreign = site.foreign(&name, metadata).await;
        let error = prepare(&launcher, &key("a"), "center", true).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.is_retryable()),
            (LaunchErrorKind::KubernetesRefused, true),
            "{error}"
        );
        assert!(error.to_string().contains("kubernetes.task_names"), "{error}");
        let now = site.jobs().get(&name).await.unwrap();
        assert_eq!(
            (now.resource_version(), now.spec),
            (foreign.resource_version(), foreign.spec)
        );
        site.jobs().delete(&name, &DeleteParams::default()).await.unwrap();
        until("its end", async || site.names().await.is_empty().then_some(())).await;
    }
    prepare(&launcher, &key("a"), "center", true).await.unwrap();
    assert_eq!(site.names().await, [name]);
}
