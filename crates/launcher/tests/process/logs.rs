use std::{fs, time::Duration};

use flow_launcher::{Launcher, LogLimits, LogQuery, Observed, Stream};
use futures::{StreamExt, TryStreamExt};

use crate::site::{Site, sh};

pub(crate) async fn texts(site: &Site, query: LogQuery) -> Vec<String> {
    let lines: Vec<_> = site.launcher.logs(&site.key, query).try_collect().await.unwrap();
    lines.into_iter().map(|line| line.text).collect()
}

const FOLLOW: LogQuery = LogQuery {
    tail: None,
    since: None,
    previous: false,
    follow: true,
    max_bytes: None,
};

#[tokio::test]
async fn follows_from_before_the_start_to_the_end() {
    let site = Site::new("follow");
    site.prepare().await;
    let mut follower = site.launcher.logs(&site.key, FOLLOW);
    site.launcher
        .start(
            &site.key,
            &sh("echo one; echo two >&2; while [ ! -e go ]; do sleep 0.01; done; printf three"),
        )
        .await
        .unwrap();
    let first = [
        follower.next().await.unwrap().unwrap(),
        follower.next().await.unwrap().unwrap(),
    ];
    assert!(
        first
            .iter()
            .any(|line| line.text == "one" && line.stream == Stream::Stdout)
    );
    assert!(
        first
            .iter()
            .any(|line| line.text == "two" && line.stream == Stream::Stderr)
    );
    fs::write(site.dir().join("work/go"), "").unwrap();
    let rest: Vec<_> = follower.try_collect().await.unwrap();
    assert_eq!(
        rest.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(),
        ["three"]
    );
    assert!(matches!(site.observe().await, Observed::Exited(_)));
}

#[tokio::test]
async fn rotation_is_bounded_and_readers_do_not_notice() {
    let site = Site::new("rotation");
    let mut launch = sh("n=0; while [ $n -lt 20000 ]; do echo \"line $n of twenty thousand\"; n=$((n+1)); done");
    launch.log = LogLimits {
        max_file_bytes: LogLimits::MIN_FILE_BYTES,
        max_files: 100,
    };
    site.prepare().await;
    let follower = tokio::spawn(site.launcher.logs(&site.key, FOLLOW).try_collect::<Vec<_>>());
    site.launcher.start(&site.key, &launch).await.unwrap();
    assert!(site.exit().await.is_success());
    let followed: Vec<String> = follower
        .await
        .unwrap()
        .unwrap()
        .into_iter()
        .map(|line| line.text)
        .collect();
    let wanted: Vec<String> = (0..20_000).map(|n| format!("line {n} of twenty thousand")).collect();
    assert!(followed == wanted, "{} lines followed", followed.len());

    let sizes: Vec<u64> = fs::read_dir(site.dir().join("log"))
        .unwrap()
        .map(|file| file.unwrap().metadata().unwrap().len())
        .collect();
    assert!(sizes.len() > 5, "it was never rotated");
    assert!(sizes.len() <= 100 && sizes.iter().all(|&size| size <= LogLimits::MIN_FILE_BYTES));
    for tail in [1, 500, 5_000] {
        let query = LogQuery {
            tail: Some(tail),
            ..Default::default()
        };
        assert!(texts(&site, query).await == wanted[20_000 - tail..], "tail of {tail}");
    }
}

#[tokio::test]
async fn a_flood_is_cut_to_its_newest_part() {
    let site = Site::new("flood");
    let mut launch = sh("yes 'a flood of output' | head -n 1500000; echo the end");
    launch.log = LogLimits {
        max_file_bytes: 100_000,
        max_files: 2,
    };
    site.start_launch(&launch).await;
    assert!(site.exit().await.is_success());
    let files = fs::read_dir(site.dir().join("log")).unwrap();
    let total: u64 = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(total <= 200_000, "{total} bytes are kept");
    assert_eq!(
        texts(
            &site,
            LogQuery {
                tail: Some(1),
                ..FOLLOW
            }
        )
        .await,
        ["the end"]
    );
}

#[tokio::test]
async fn long_lines_and_bytes_that_are_no_text() {
    let site = Site::new("long");
    site.start("head -c 100000 /dev/zero | tr '\\0' x; echo; printf 'caf\\351\\n'; printf 'no newline' >&2")
        .await;
    assert!(site.exit().await.is_success());
    let texts = texts(&site, LogQuery::default()).await;
    assert_eq!(texts.len(), 3);
    assert!(texts.contains(&"x".repeat(100_000)));
    assert!(texts.contains(&"caf\u{fffd}".to_owned()));
    assert!(texts.contains(&"no newline".to_owned()));
    let log = fs::read(site.dir().join("log/0000000001.log")).unwrap();
    assert!(log.split(|&byte| byte == b'\n').all(|record| record.len() < 17_000));
}

#[tokio::test]
async fn a_reader_can_be_bounded() {
    let site = Site::new("bounded");
    site.start("for n in 1 2 3 4 5; do echo 1234567890; done").await;
    site.exit().await;
    let query = |max_bytes| LogQuery {
        max_bytes: Some(max_bytes),
        ..Default::default()
    };
    assert_eq!(texts(&site, query(0)).await.len(), 0);
    assert_eq!(texts(&site, query(25)).await.len(), 3);
    assert_eq!(texts(&site, query(1000)).await.len(), 5);
}

#[tokio::test]
async fn a_full_disk_does_not_stop_the_job() {
    let site = Site::new("log-gone");
    let mut launch = sh("echo > ready; while [ ! -e go ]; do sleep 0.01; done; yes | head -c 1000000; exit 4");
    launch.log = LogLimits {
        max_file_bytes: LogLimits::MIN_FILE_BYTES,
        max_files: 2,
    };
    site.start_launch(&launch).await;
    site.file("ready").await;
    // A log that cannot be written any more: the folder for the next file is gone.
    fs::remove_dir_all(site.dir().join("log")).unwrap();
    fs::write(site.dir().join("work/go"), "").unwrap();
    let exit = tokio::time::timeout(Duration::from_secs(20), site.exit())
        .await
        .unwrap();
    assert_eq!(exit.code, Some(4));
    assert!(exit.message.unwrap().contains("could not be written"));
}
