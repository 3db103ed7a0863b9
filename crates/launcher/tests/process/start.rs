use std::{fs, os::unix::fs::PermissionsExt};

use flow_launcher::{Key, LaunchErrorKind, Launcher, Observed, Prepare};
use futures::future::join_all;

use crate::site::{Site, sh};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_starts_start_one_process() {
    let site = Site::new("twenty");
    site.prepare().await;
    let launch = sh("echo once >> ran; exec sleep 0.3");
    // As if several agents had been started on one root.
    let launchers = [
        site.another_launcher(),
        site.another_launcher(),
        site.another_launcher(),
    ];
    let starts = (0..20).map(|n| launchers[n % 3].start(&site.key, &launch));
    for result in join_all(starts).await {
        result.unwrap();
    }
    site.exit().await;
    site.launcher.start(&site.key, &launch).await.unwrap();
    site.exit().await;
    assert_eq!(site.file("ran").await, "once\n");
    site.assert_all_gone();
}

#[tokio::test]
async fn prepare_answers_the_same_again() {
    let site = Site::new("prepare");
    let ports = |names: &[&str]| Prepare {
        ports: names.iter().map(|name| name.to_string()).collect(),
        ..Prepare::default()
    };
    assert_eq!(site.observe().await, Observed::Absent);
    let both = ports(&["grpc", "http"]);
    let first = site.launcher.prepare(&site.key, &both).await.unwrap();
    assert_eq!(site.another_launcher().prepare(&site.key, &both).await.unwrap(), first);
    assert_eq!(site.observe().await, Observed::Prepared(first.clone()));
    assert_eq!(first.host, "127.0.0.1");
    assert!(first.ports.values().all(|port| (20000..=32000).contains(port)));
    assert_ne!(first.ports["grpc"], first.ports["http"]);
    assert_eq!(fs::metadata(&first.dir).unwrap().permissions().mode() & 0o777, 0o700);
    let other = site.launcher.prepare(&site.key, &ports(&["grpc"])).await.unwrap_err();
    assert_eq!(other.kind(), LaunchErrorKind::PrepareConflict);
    assert_eq!(site.launcher.list().await.unwrap(), std::slice::from_ref(&site.key));
}

#[tokio::test]
async fn parallel_prepares_of_one_key_agree() {
    let site = Site::new("agree");
    let prepare = Prepare {
        ports: vec!["grpc".into()],
        ..Prepare::default()
    };
    let launchers = [site.another_launcher(), site.another_launcher()];
    let answers = join_all((0..10).map(|n| launchers[n % 2].prepare(&site.key, &prepare))).await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[tokio::test]
async fn refuses_before_anything_is_started() {
    let site = Site::new("refuse");
    let kind = |result: Result<(), flow_launcher::LaunchError>| result.unwrap_err().kind();
    let start = |launch| {
        let (launcher, key) = (site.launcher.clone(), site.key.clone());
        async move { kind(launcher.start(&key, &launch).await) }
    };
    assert_eq!(start(sh("exit")).await, LaunchErrorKind::NotPrepared);
    site.prepare().await;
    let mut launch = sh("exit");
    launch.argv[0] = "no-such-program".into();
    assert_eq!(start(launch).await, LaunchErrorKind::ProgramNotFound);
    let mut launch = sh("exit");
    launch.workdir = Some("/no/such/folder".into());
    assert_eq!(start(launch).await, LaunchErrorKind::WorkdirUnreadable);
    let mut launch = sh("exit");
    launch.argv.clear();
    assert_eq!(start(launch).await, LaunchErrorKind::InvalidLaunch);
    assert!(matches!(site.observe().await, Observed::Prepared(_)));
    // None of that is final.
    site.launcher.start(&site.key, &sh("exit 5")).await.unwrap();
    assert_eq!(site.exit().await.code, Some(5));
}

#[tokio::test]
async fn what_cannot_be_executed_ends_with_127() {
    let site = Site::new("not-executable");
    let program = site.temp.path().join("program");
    fs::write(&program, "\u{7f}not a program").unwrap();
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let mut launch = sh("");
    launch.argv = vec![program.to_str().unwrap().to_owned()];
    site.start_launch(&launch).await;
    let exit = site.exit().await;
    assert_eq!(exit.code, Some(127));
    assert!(exit.message.unwrap().contains("Exec format error"));
}

#[tokio::test]
async fn the_application_folder_is_linked_and_the_working_directory_writable() {
    let site = Site::new("workdir");
    let app = site.temp.path().join("app");
    fs::create_dir_all(app.join("lib")).unwrap();
    fs::write(app.join("main.sh"), "cat lib/data; echo made > output").unwrap();
    fs::write(app.join("lib/data"), "from the app\n").unwrap();
    let mut launch = sh("");
    launch.argv = ["sh", "main.sh"].map(str::to_owned).into();
    launch.workdir = Some(app.clone());
    site.start_launch(&launch).await;
    assert!(site.exit().await.is_success());
    assert_eq!(crate::logs::texts(&site, Default::default()).await, ["from the app"]);
    assert_eq!(site.file("output").await, "made\n");
    assert!(!app.join("output").exists());
}

#[tokio::test]
async fn a_supervisor_that_is_none_is_told() {
    let site = Site::new("no-supervisor");
    site.prepare().await;
    let with = |program: &str| {
        let supervisor = flow_launcher::process::SupervisorCommand {
            program: program.into(),
            args: vec![],
        };
        let mut config = flow_launcher::process::ProcessConfig::new(site.temp.path().join("root"), supervisor);
        config.port_registry = site.temp.path().join("registry");
        flow_launcher::process::ProcessLauncher::new(config).unwrap()
    };
    let error = with("/no/such/supervisor")
        .start(&site.key, &sh("exit"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), LaunchErrorKind::SupervisorUnavailable);
    let error = with("/usr/bin/false").start(&site.key, &sh("exit")).await.unwrap_err();
    assert_eq!(error.kind(), LaunchErrorKind::SupervisorFailed);
    // Nothing happened, so it can still be started.
    site.launcher.start(&site.key, &sh("exit 0")).await.unwrap();
    assert!(site.exit().await.is_success());
}

#[tokio::test]
async fn strange_things_below_the_root_are_no_assignments() {
    let site = Site::new("list");
    let root = site.temp.path().join("root");
    fs::create_dir(root.join("Not A Key")).unwrap();
    fs::write(root.join("file"), "").unwrap();
    for name in ["b", "a"] {
        site.launcher
            .prepare(&Key::new(name).unwrap(), &Prepare::default())
            .await
            .unwrap();
    }
    let names: Vec<String> = site
        .launcher
        .list()
        .await
        .unwrap()
        .into_iter()
        .map(String::from)
        .collect();
    assert_eq!(names, ["a", "b"]);
}
