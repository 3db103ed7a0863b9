use std::time::{Duration, Instant};

use flow_launcher::{LaunchErrorKind, Launcher, Observed, process::CgroupMode};

use crate::site::{Site, exit, sh, until};

const LONG: Duration = Duration::MAX;

#[tokio::test]
async fn zero_after_a_stop_is_no_success() {
    let site = Site::new("stopped");
    site.start("trap 'echo bye; exit 0' TERM; echo > ready; while :; do sleep 0.01; done")
        .await;
    site.file("ready").await;
    assert!(matches!(site.observe().await, Observed::Running { .. }));
    site.stop(LONG).await;
    site.stop(LONG).await;
    let exit = site.exit().await;
    assert_eq!((exit.code, exit.stopped, &exit.message), (Some(0), true, &None));
    assert!(!exit.is_success());
    // Later stops change nothing.
    site.stop(LONG).await;
    assert_eq!(site.observe().await, Observed::Exited(exit));
    site.assert_all_gone();
}

/// Main process and children ignore SIGTERM, one child in a session of its own.
async fn kills_after_the_grace(site: Site) {
    site.start("trap '' TERM; sleep 100 & setsid sleep 100 & echo > ready; while :; do sleep 100; done")
        .await;
    site.file("ready").await;
    let asked = Instant::now();
    let grace = Duration::from_millis(300);
    site.stop(grace).await;
    let exit = site.exit().await;
    assert!(asked.elapsed() >= grace);
    assert_eq!((exit.code, exit.signal, exit.stopped), (None, Some(9), true));
    assert!(exit.message.unwrap().contains("300 ms"));
    site.assert_all_gone();
}

#[tokio::test]
async fn who_ignores_sigterm_is_killed_after_the_grace() {
    kills_after_the_grace(Site::new("ignores")).await;
}

#[tokio::test]
async fn who_ignores_sigterm_is_killed_without_cgroup() {
    kills_after_the_grace(Site::with_cgroup("ignores-no-cgroup", CgroupMode::Off)).await;
}

#[tokio::test]
async fn a_second_stop_can_be_faster() {
    let site = Site::new("faster");
    site.start("trap '' TERM; echo > ready; while :; do sleep 100; done")
        .await;
    site.file("ready").await;
    site.stop(LONG).await;
    site.stop(Duration::ZERO).await;
    assert_eq!(site.exit().await.signal, Some(9));
    site.assert_all_gone();
}

#[tokio::test]
async fn a_stop_before_the_start_is_final() {
    let site = Site::new("never-started");
    // Of what is absent there is nothing to remember.
    site.stop(LONG).await;
    assert_eq!(site.observe().await, Observed::Absent);
    site.prepare().await;
    site.stop(LONG).await;
    let Observed::Exited(exit) = site.observe().await else {
        panic!("not ended")
    };
    assert_eq!((exit.code, exit.signal, exit.stopped), (None, None, true));
    let error = site.launcher.start(&site.key, &sh("echo > ran")).await.unwrap_err();
    assert_eq!(error.kind(), LaunchErrorKind::AlreadyStopped);
    assert!(!site.dir().join("work/ran").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stop_that_races_with_the_start_wins_or_stops() {
    for round in 0..8 {
        let site = Site::new(&format!("race-{round}"));
        site.prepare().await;
        let (starter, stopper) = (site.another_launcher(), site.another_launcher());
        let launch = sh("exec sleep 600");
        let (start, stop) = tokio::join!(starter.start(&site.key, &launch), async {
            tokio::time::sleep(Duration::from_millis(round * 2)).await;
            stopper.stop(&site.key, LONG).await
        });
        stop.unwrap();
        if let Err(error) = start {
            assert_eq!(error.kind(), LaunchErrorKind::AlreadyStopped);
        }
        assert!(exit(&site.launcher, &site.key).await.stopped);
        site.assert_all_gone();
    }
}

#[tokio::test]
async fn a_lost_signal_does_not_matter() {
    let site = Site::new("lost-signal");
    site.start("exec sleep 600").await;
    std::fs::write(site.dir().join("stop.json"), r#"{"at":1,"grace_ms":600000}"#).unwrap();
    let exit = site.exit().await;
    assert_eq!((exit.signal, exit.stopped), (Some(15), true));
}

#[tokio::test]
async fn a_shutdown_of_the_machine_is_told() {
    let site = Site::new("shutdown");
    let mut launch = sh("trap '' TERM; echo > ready; while :; do sleep 100; done");
    launch.grace = Duration::from_millis(50);
    site.start_launch(&launch).await;
    site.file("ready").await;
    let supervisor = site.started()["supervisor"]["pid"].as_i64().unwrap();
    let pid = nix::unistd::Pid::from_raw(supervisor.try_into().unwrap());
    for signal in [nix::sys::signal::SIGHUP, nix::sys::signal::SIGINT] {
        nix::sys::signal::kill(pid, signal).unwrap();
    }
    assert!(matches!(site.observe().await, Observed::Running { .. }));
    nix::sys::signal::kill(pid, nix::sys::signal::SIGTERM).unwrap();
    let exit = site.exit().await;
    assert_eq!((exit.signal, exit.stopped), (Some(9), true));
    assert!(exit.message.unwrap().contains("told to terminate"));
    site.assert_all_gone();
}

#[tokio::test]
async fn a_job_that_forks_all_the_time_is_killed() {
    for cgroup in [CgroupMode::Auto, CgroupMode::Off] {
        let site = Site::with_cgroup(&format!("forks-{cgroup:?}").to_lowercase(), cgroup);
        // Every generation leaves the group, and is soon replaced by the next.
        let hop =
            "hop='trap \"\" TERM; sleep 0.02; setsid sh -c \"$0\" \"$0\" & exit'; setsid sh -c \"$hop\" \"$hop\" &";
        site.start(&format!("{hop} trap '' TERM; echo > ready; sleep 600"))
            .await;
        site.file("ready").await;
        until(|| async { (super::site::marked(&site.key).len() >= 2).then_some(()) }).await;
        site.stop(Duration::ZERO).await;
        assert!(site.exit().await.stopped);
        site.assert_all_gone();
    }
}
