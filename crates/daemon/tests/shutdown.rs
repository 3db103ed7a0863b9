//! Draining, and signals to a real process.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flow_daemon::shutdown::{DrainError, Shutdown};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const DEADLINE: Duration = Duration::from_secs(20);

/// Set in the process that [`daemon`] runs in.
const CHILD: &str = "FLOW_DAEMON_TEST_CHILD";

#[tokio::test]
async fn draining_waits_for_what_is_under_way() {
    let shutdown = Shutdown::new();
    let finished = Arc::new(AtomicBool::new(false));
    let (token, flag) = (shutdown.token.clone(), finished.clone());
    shutdown.tracker.spawn(async move {
        token.cancelled().await;
        tokio::task::yield_now().await;
        flag.store(true, Ordering::Relaxed);
    });
    shutdown.drain(DEADLINE).await.unwrap();
    assert!(finished.load(Ordering::Relaxed));
}

#[tokio::test(start_paused = true)]
async fn draining_gives_up_on_what_does_not_end() {
    let shutdown = Shutdown::new();
    for _ in 0..2 {
        shutdown.tracker.spawn(std::future::pending::<()>());
    }
    let after = Duration::from_secs(30);
    let refused = shutdown.drain(after).await;
    assert_eq!(refused, Err(DrainError { remaining: 2, after }));
}

#[test]
fn a_signal_begins_the_shutdown_and_a_second_ends_it() {
    for (first, second) in [(Signal::SIGTERM, Signal::SIGINT), (Signal::SIGINT, Signal::SIGTERM)] {
        let (mut child, mut lines) = start("stubborn");
        assert_eq!(next(&mut lines), "ready");
        signal(&child, first);
        assert_eq!(next(&mut lines), "stopping");
        signal(&child, second);
        assert_eq!(child.wait().unwrap().code(), Some(130));
    }
}

#[test]
fn one_signal_is_enough_for_a_daemon_that_drains() {
    let (mut child, mut lines) = start("orderly");
    assert_eq!(next(&mut lines), "ready");
    signal(&child, Signal::SIGTERM);
    assert_eq!(next(&mut lines), "stopping");
    assert_eq!(next(&mut lines), "drained");
    assert!(child.wait().unwrap().success());
}

/// Not a test of its own: the process that the tests above start and signal.
#[test]
#[ignore = "is started by the tests of signals"]
fn daemon() {
    let manner = std::env::var(CHILD).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let shutdown = Shutdown::on_signals().unwrap();
        eprintln!("ready");
        shutdown.token.cancelled().await;
        eprintln!("stopping");
        if manner == "stubborn" {
            tokio::time::sleep(DEADLINE).await;
        }
        shutdown.drain(DEADLINE).await.unwrap();
        eprintln!("drained");
    });
}

type Lines = std::io::Lines<BufReader<std::process::ChildStderr>>;

/// Runs this very program with [`daemon`] alone.
fn start(manner: &str) -> (Child, Lines) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "daemon", "--ignored", "--nocapture"])
        .env(CHILD, manner)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    (child, lines)
}

fn next(lines: &mut Lines) -> String {
    lines.next().unwrap().unwrap()
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
}
