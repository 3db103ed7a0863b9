//! Using a cluster in tests.

#![allow(clippy::unwrap_used, reason = "a test ends where its cluster cannot go on")]
#![allow(dead_code, reason = "not every test binary uses everything")]

use std::{
    io::Write,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use flow_cluster::State;

/// On two busy cores everything that is waited for takes seconds.
const LIMIT: Duration = Duration::from_secs(90);

/// Asks until there is an answer; fails after a while, saying what it waited for.
pub(crate) fn within<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {LIMIT:?} until {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// `kubectl` with these words.
pub(crate) fn kubectl(state: &State, args: &str) -> Command {
    let mut kubectl = Command::new(state.bin_dir.as_ref().unwrap().join("kubectl"));
    kubectl
        .env("KUBECONFIG", &state.kubeconfig)
        .args(args.split_whitespace());
    kubectl
}

/// What it prints; it must succeed.
pub(crate) fn printed(state: &State, args: &str) -> String {
    succeeded(args, &kubectl(state, args).output().unwrap())
}

/// Applies manifests; they must be accepted.
pub(crate) fn apply(state: &State, manifests: &str) {
    let mut apply = kubectl(state, "apply --filename -");
    let mut child = apply
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(manifests.as_bytes()).unwrap();
    succeeded("apply", &child.wait_with_output().unwrap());
}

fn succeeded(args: &str, output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl {args}: {error}");
    String::from_utf8(output.stdout.clone()).unwrap()
}
