use std::time::Duration;

use flow_launcher::{LaunchErrorKind, Launcher, Observed, Prepare};

use crate::site::{Site, sh};

#[tokio::test]
async fn release_then_purge() {
    let site = Site::new("release");
    let prepare = Prepare {
        ports: vec!["grpc".into()],
        ..Prepare::default()
    };
    let port = site.launcher.prepare(&site.key, &prepare).await.unwrap().ports["grpc"];
    let claim = site.temp.path().join("registry").join(port.to_string());
    assert!(claim.exists());
    site.launcher
        .start(&site.key, &sh("echo kept; exec sleep 600"))
        .await
        .unwrap();
    let kind = |result: Result<(), flow_launcher::LaunchError>| result.unwrap_err().kind();
    assert_eq!(
        kind(site.launcher.release(&site.key).await),
        LaunchErrorKind::StillRunning
    );
    assert_eq!(kind(site.launcher.purge(&site.key).await), LaunchErrorKind::NotReleased);
    site.stop(Duration::ZERO).await;
    let exit = site.exit().await;

    site.launcher.release(&site.key).await.unwrap();
    site.launcher.release(&site.key).await.unwrap();
    assert!(!claim.exists());
    assert_eq!(site.observe().await, Observed::Exited(exit));
    assert_eq!(site.launcher.list().await.unwrap(), std::slice::from_ref(&site.key));
    let error = site.launcher.prepare(&site.key, &prepare).await.unwrap_err();
    assert_eq!(error.kind(), LaunchErrorKind::Released);

    site.launcher.purge(&site.key).await.unwrap();
    site.launcher.purge(&site.key).await.unwrap();
    site.launcher.release(&site.key).await.unwrap();
    assert_eq!(site.observe().await, Observed::Absent);
    assert!(site.launcher.list().await.unwrap().is_empty());
    assert!(crate::logs::texts(&site, Default::default()).await.is_empty());
}

#[tokio::test]
async fn what_was_released_is_never_started() {
    let site = Site::new("released");
    site.prepare().await;
    site.launcher.release(&site.key).await.unwrap();
    assert_eq!(site.observe().await, Observed::Absent);
    let error = site.launcher.start(&site.key, &sh("echo > ran")).await.unwrap_err();
    assert_eq!(error.kind(), LaunchErrorKind::Released);
    assert!(!site.dir().join("work/ran").exists());
}

#[tokio::test]
async fn a_removal_that_was_interrupted_is_finished() {
    let site = Site::new("removal");
    let left = site.temp.path().join("root/.removed-x-1");
    std::fs::create_dir_all(left.join("work")).unwrap();
    site.another_launcher();
    assert!(!left.exists());
}
