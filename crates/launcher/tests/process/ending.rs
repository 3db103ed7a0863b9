use std::{collections::BTreeMap, time::Duration};

use flow_launcher::process::CgroupMode;

use crate::site::{Site, lives, sh};

#[tokio::test]
async fn success() {
    let site = Site::new("success");
    site.start("exit 0").await;
    let exit = site.exit().await;
    assert_eq!(
        (exit.code, exit.signal, exit.stopped, exit.message.as_deref()),
        (Some(0), None, false, None)
    );
    assert!(exit.is_success());
    assert!(exit.started_at > 1_600_000_000_000_000 && exit.started_at <= exit.ended_at);
    site.assert_all_gone();
}

#[tokio::test]
async fn failure_keeps_its_code() {
    let site = Site::new("failure");
    site.start("exit 70").await;
    let exit = site.exit().await;
    assert_eq!((exit.code, exit.signal), (Some(70), None));
    assert!(!exit.is_success());
}

#[tokio::test]
async fn death_by_signal() {
    let site = Site::new("signal");
    site.start("kill -SEGV $$").await;
    let exit = site.exit().await;
    assert_eq!((exit.code, exit.signal, exit.stopped), (None, Some(11), false));
}

/// With the main process all its descendants end, also those in sessions of their own.
async fn leaves_nothing_behind(site: Site) {
    site.start(
        "setsid sh -c 'trap \"\" TERM HUP; echo $$ > far; while :; do sleep 100; done' &
         setsid env -i sh -c 'setsid sh -c \"trap : TERM; echo \\$\\$ > further; sleep 100; sleep 100\" & exit' &
         while [ ! -s far ] || [ ! -s further ]; do sleep 0.01; done; exit 3",
    )
    .await;
    let exit = site.exit().await;
    assert_eq!((exit.code, exit.stopped, exit.message), (Some(3), false, None));
    for name in ["far", "further"] {
        let pid = site.file(name).await.trim().parse().unwrap();
        assert!(!lives(pid), "{name} lives on");
    }
    site.assert_all_gone();
    assert!(exit.ended_at - exit.started_at < 10_000_000);
}

#[tokio::test]
async fn escaped_descendants_are_killed() {
    leaves_nothing_behind(Site::new("escape")).await;
}

#[tokio::test]
async fn escaped_descendants_are_killed_without_cgroup() {
    leaves_nothing_behind(Site::with_cgroup("escape-no-cgroup", CgroupMode::Off)).await;
}

#[tokio::test]
async fn environment_is_what_was_given_and_the_marker() {
    let site = Site::new("environment");
    let mut launch = sh("");
    launch.argv = ["/usr/bin/env", "-0"].map(str::to_owned).into();
    launch.env = BTreeMap::from([
        ("GREETING".into(), "hello\nworld".into()),
        ("FLOW_ASSIGNMENT".into(), "lie".into()),
    ]);
    site.start_launch(&launch).await;
    assert!(site.exit().await.is_success());
    let lines = crate::logs::texts(&site, Default::default()).await.join("\n");
    let mut variables: Vec<&str> = lines.split_terminator('\0').collect();
    variables.sort_unstable();
    assert_eq!(
        variables,
        [
            format!("FLOW_ASSIGNMENT={}", site.key).as_str(),
            "GREETING=hello\nworld"
        ]
    );
}

#[tokio::test]
async fn signals_and_files_are_as_a_program_expects_them() {
    let site = Site::new("clean");
    // Blocked and ignored signals (of the first 28), open files, process group leader.
    site.start(
        "grep -E '^Sig(Blk|Ign)' /proc/self/status | grep -o '.......$'; ls -m /proc/self/fd; readlink /proc/$$/fd/0
         read -r pid _ _ _ group _ < /proc/$$/stat; [ $pid = $group ] && echo leader; umask > /dev/null; pwd",
    )
    .await;
    assert!(site.exit().await.is_success());
    let lines = crate::logs::texts(&site, Default::default()).await;
    let work = site.dir().join("work").canonicalize().unwrap();
    assert_eq!(
        lines,
        [
            "0000000",
            "0000000",
            "0, 1, 2, 3",
            "/dev/null",
            "leader",
            work.to_str().unwrap()
        ]
    );
}

#[tokio::test]
async fn a_leaked_pipe_does_not_hang_the_end() {
    let site = Site::new("leaked-pipe");
    // This process, which is not the job's, keeps the job's standard output open.
    site.start("echo $$ > pid; while [ ! -e go ]; do sleep 0.01; done; echo bye")
        .await;
    let pid = site.file("pid").await;
    let leaked = std::fs::OpenOptions::new()
        .write(true)
        .open(format!("/proc/{}/fd/1", pid.trim()))
        .unwrap();
    std::fs::write(site.dir().join("work/go"), "").unwrap();
    let exit = tokio::time::timeout(Duration::from_secs(15), site.exit())
        .await
        .unwrap();
    assert_eq!(exit.code, Some(0));
    assert_eq!(crate::logs::texts(&site, Default::default()).await, ["bye"]);
    drop(leaked);
}
