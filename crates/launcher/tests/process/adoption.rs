use std::{fs, time::Duration};

use flow_launcher::{Launcher, LogQuery, Observed, process::CgroupMode};
use futures::StreamExt;

use crate::site::{Site, exit, kill_9, lives, marked, sh, until};

#[tokio::test]
async fn a_new_agent_adopts_what_runs() {
    let mut site = Site::new("adoption");
    site.start("echo first; echo > ready; trap 'echo last; exit 9' TERM; while :; do sleep 0.01; done")
        .await;
    site.file("ready").await;
    let before = site.observe().await;
    let next = site.another_launcher();
    site.launcher = next;
    assert_eq!(site.launcher.list().await.unwrap(), [site.key.clone()]);
    assert_eq!(site.observe().await, before);
    // It must not be started again.
    site.launcher.start(&site.key, &sh("exit 1")).await.unwrap();
    site.stop(Duration::from_secs(60)).await;
    let exit = site.exit().await;
    assert_eq!((exit.code, exit.stopped), (Some(9), true));
    let mut texts = crate::logs::texts(&site, LogQuery::default()).await;
    // The shell tells on standard error how its children ended.
    texts.retain(|text| text != "Terminated");
    assert_eq!(texts, ["first", "last"]);
}

/// The agent's process ends with everything it started in its group; the job does not notice.
#[tokio::test]
async fn the_supervisor_is_out_of_reach_of_the_agent() {
    let site = Site::new("detached");
    site.start("exec sleep 600").await;
    let supervisor = site.started()["supervisor"]["pid"].as_i64().unwrap();
    let stat = fs::read_to_string(format!("/proc/{supervisor}/stat")).unwrap();
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
    let (parent, group, session) = (fields[1], fields[2], fields[3]);
    assert_ne!(parent, std::process::id().to_string());
    assert_eq!(
        (group, session),
        (supervisor.to_string().as_str(), supervisor.to_string().as_str())
    );
    for fd in 0..3 {
        let target = fs::read_link(format!("/proc/{supervisor}/fd/{fd}")).unwrap();
        let target = target.to_str().unwrap();
        assert!(
            target == "/dev/null" || target.ends_with("/supervisor.log"),
            "fd {fd} is {target}"
        );
    }
    let environ = fs::read(format!("/proc/{supervisor}/environ")).unwrap();
    assert_eq!(environ, b"FLOW_SUPERVISOR_DETACHED=1\0");
    site.stop(Duration::ZERO).await;
    site.exit().await;
}

/// The supervisor is killed; the job, which partly hides from it, must not outlive that.
async fn is_lost(site: Site) {
    site.start("setsid sleep 600 & sleep 600 & echo $$ > ready; exec sleep 600")
        .await;
    let main: i32 = site.file("ready").await.trim().parse().unwrap();
    until(|| async { (marked(&site.key).len() >= 3).then_some(()) }).await;
    let follower = site.launcher.logs(
        &site.key,
        LogQuery {
            follow: true,
            ..Default::default()
        },
    );
    kill_9(site.started()["supervisor"]["pid"].as_i64().unwrap());
    let message = until(|| async {
        match site.observe().await {
            Observed::Lost { message } => Some(message),
            Observed::Running { .. } => None,
            other => panic!("{other:?}"),
        }
    })
    .await;
    assert!(message.contains("supervisor lost"), "{message}");
    assert!(!lives(main));
    site.assert_all_gone();
    // For good, also for the next agent, and nothing starts it again.
    site.another_launcher()
        .start(&site.key, &sh("echo > again"))
        .await
        .unwrap();
    assert_eq!(
        site.another_launcher().observe(&site.key).await.unwrap(),
        Observed::Lost { message }
    );
    assert!(!site.dir().join("work/again").exists());
    let lines = tokio::time::timeout(Duration::from_secs(20), follower.collect::<Vec<_>>())
        .await
        .unwrap();
    assert!(lines.is_empty());
    site.launcher.release(&site.key).await.unwrap();
}

#[tokio::test]
async fn a_job_whose_supervisor_was_killed_is_lost() {
    is_lost(Site::new("lost")).await;
}

#[tokio::test]
async fn a_job_whose_supervisor_was_killed_is_lost_without_cgroup() {
    is_lost(Site::with_cgroup("lost-no-cgroup", CgroupMode::Off)).await;
}

#[tokio::test]
async fn a_supervisor_killed_during_take_off_is_noticed() {
    // Killed after it wrote down that it starts and before it wrote down what it started: the job
    // is known by its marker only.
    let site = Site::with_cgroup("take-off", CgroupMode::Off);
    site.start("exec sleep 600").await;
    let mut started = site.started();
    kill_9(started["supervisor"]["pid"].as_i64().unwrap());
    started["job"] = serde_json::Value::Null;
    fs::write(site.dir().join("started.json"), started.to_string()).unwrap();
    until(|| async { matches!(site.observe().await, Observed::Lost { .. }).then_some(()) }).await;
    site.assert_all_gone();
}

#[tokio::test]
async fn a_launch_whose_supervisor_never_took_off_can_be_repeated() {
    let site = Site::new("never-took-off");
    site.prepare().await;
    let record = serde_json::json!({ "key": site.key, "launch": sh("exit 1"), "cgroup": "auto" });
    fs::write(site.dir().join("launch.json"), record.to_string()).unwrap();
    assert!(matches!(site.observe().await, Observed::Prepared(_)));
    site.launcher.start(&site.key, &sh("exit 6")).await.unwrap();
    assert_eq!(exit(&site.launcher, &site.key).await.code, Some(6));
}

#[tokio::test]
async fn after_a_boot_process_ids_mean_nothing() {
    let site = Site::new("boot");
    site.prepare().await;
    let mut bystander = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    // A record of another boot whose numbers are now those of a bystander.
    let stat = fs::read_to_string(format!("/proc/{}/stat", bystander.id())).unwrap();
    let ticks: u64 = stat[stat.rfind(')').unwrap()..]
        .split(' ')
        .nth(20)
        .unwrap()
        .parse()
        .unwrap();
    let id = serde_json::json!({ "pid": bystander.id(), "start_ticks": ticks });
    let started = serde_json::json!({
        "boot_id": "another", "at": 1, "supervisor": id, "job": id, "cgroup": null,
    });
    fs::write(site.dir().join("started.json"), started.to_string()).unwrap();
    let Observed::Lost { message } = site.observe().await else {
        panic!("not lost")
    };
    assert!(message.contains("machine"), "{message}");
    assert!(bystander.try_wait().unwrap().is_none(), "a bystander was killed");
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}
