//! `flowctl demo` and `flowctl up`, with the real iflearner. The first use builds the Python environment in the cache.

#![allow(clippy::unwrap_used, reason = "a test ends there")]

mod support;

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use support::{command, flowctl};

/// flowctl with the user's cache and Python, and a temporary folder of its own.
fn real(tmp: &Path, args: &[&str]) -> Command {
    let mut command = command(args);
    for name in [
        "HOME",
        "PATH",
        "XDG_CACHE_HOME",
        "PIP_INDEX_URL",
        "PIP_CERT",
        "SSL_CERT_FILE",
        "HTTPS_PROXY",
    ] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .env("TMPDIR", tmp)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Reads stderr in the background until a line holds `text`; answers the rest with the process.
fn until(child: &mut Child, text: &str) {
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut seen = String::new();
    loop {
        let line = lines
            .next()
            .unwrap_or_else(|| panic!("'{text}' was not said, but: {seen}"))
            .unwrap();
        seen = format!("{seen}{line}\n");
        if line.contains(text) {
            break;
        }
    }
    std::thread::spawn(move || lines.for_each(drop));
}

fn interrupt(child: &Child) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
}

/// The command lines of processes that mention `folder`.
fn processes_below(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    let commands = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&line).replace('\0', " "))
    });
    commands.filter(|line| line.contains(folder)).collect()
}

fn nothing_is_left(tmp: &Path) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let left = processes_below(tmp);
        if left.is_empty() {
            break;
        }
        assert!(Instant::now() < deadline, "still there: {left:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    let demos = std::fs::read_dir(tmp).unwrap().flatten();
    let demos: Vec<_> = demos
        .map(|entry| entry.file_name())
        .filter(|name| name.to_string_lossy().contains("demo"))
        .collect();
    assert!(demos.is_empty(), "{demos:?}");
}

#[test]
fn a_demo_succeeds_and_says_so_in_one_object() {
    let tmp = tempfile::tempdir().unwrap();
    let done = real(tmp.path(), &["demo", "--parties", "2", "--epochs", "4", "-o", "json"])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{stderr}");
    let result: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(result["state"], "Succeeded");
    assert!(result["seconds"].as_f64().unwrap() > 0.0);
    let parties = result["parties"].as_array().unwrap();
    assert_eq!(parties.len(), 2);
    for (party, name) in parties.iter().zip(["party-a", "party-b"]) {
        assert_eq!(party["party"], name);
        assert_eq!(party["rounds"], 4, "{stderr}");
        assert!(party["accuracy"].as_f64().unwrap() >= 0.9, "{party}");
    }
    nothing_is_left(tmp.path());
}

#[test]
fn an_interrupted_demo_leaves_nothing_behind() {
    let tmp = tempfile::tempdir().unwrap();
    let mut child = real(tmp.path(), &["demo", "--epochs", "1000", "-o", "json"])
        .spawn()
        .unwrap();
    until(&mut child, "Running");
    assert!(!processes_below(tmp.path()).is_empty(), "the jobs are there");
    interrupt(&child);
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(11));
    let result: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(result["state"], "Cancelled");
    nothing_is_left(tmp.path());
}

#[test]
fn without_python_the_next_step_is_named() {
    let tmp = tempfile::tempdir().unwrap();
    let done = real(tmp.path(), &["demo"]).env("PATH", tmp.path()).output().unwrap();
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("no Python found") && stderr.contains("hint: install Python"),
        "{stderr}"
    );
    nothing_is_left(tmp.path());
}

#[test]
fn without_a_network_the_next_step_is_named_and_nothing_half_done_stays() {
    let tmp = tempfile::tempdir().unwrap();
    let cache = tmp.path().join("cache");
    let done = real(tmp.path(), &["demo"])
        .env("XDG_CACHE_HOME", &cache)
        .env("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
        .env("PIP_CONFIG_FILE", "/dev/null")
        .env("PIP_RETRIES", "0")
        .env("PIP_NO_CACHE_DIR", "1")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(7), "{stderr}");
    assert!(
        stderr.contains("cannot be reached") && stderr.contains("PIP_INDEX_URL"),
        "{stderr}"
    );
    let left = std::fs::read_dir(cache.join("iflearner-flow")).unwrap().flatten();
    let left: Vec<_> = left
        .map(|entry| entry.file_name())
        .filter(|name| !name.to_string_lossy().ends_with(".lock"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_stack_stays_up_keeps_what_it_knows_and_refuses_a_second_one() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = tmp.path().join("stack").to_str().unwrap().to_owned();
    let up = || {
        let args = ["up", "--dir", &dir, "--rest", "127.0.0.1:0", "--legacy", "127.0.0.1:0"];
        let mut child = real(tmp.path(), &args).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let url = first.split_whitespace().find(|word| word.starts_with("http")).unwrap();
        let url = url.trim_end_matches("/api/v2").to_owned();
        let second = lines.next().unwrap().unwrap();
        let old = second.split_whitespace().find(|word| word.ends_with("/api/v1"));
        assert!(old.is_some_and(|old| old.starts_with("http://127.0.0.1:")), "{second}");
        std::thread::spawn(move || lines.for_each(drop));
        (child, url)
    };
    let (mut first, url) = up();
    let text = "{name: kept, framework: iflearner, command: [python, x.py]}";
    let created = support::flowctl_with(&url, &["template", "create", "-f", "-"], text);
    assert_eq!(created.code, 0, "{}", created.stderr);
    let second = real(tmp.path(), &["up", "--dir", &dir, "--rest", "127.0.0.1:0"])
        .output()
        .unwrap();
    assert_eq!(
        second.status.code(),
        Some(6),
        "{}",
        String::from_utf8_lossy(&second.stderr)
    );
    interrupt(&first);
    assert_eq!(first.wait().unwrap().code(), Some(0));

    let (mut again, url) = up();
    let deadline = Instant::now() + Duration::from_secs(20);
    while flowctl(&url, &["party", "list", "-o", "yaml"])
        .stdout
        .matches("Online")
        .count()
        < 2
    {
        assert!(Instant::now() < deadline, "both agents attach");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(
        flowctl(&url, &["template", "get", "kept", "-o", "name"]).stdout,
        "template/kept\n"
    );
    interrupt(&again);
    assert_eq!(again.wait().unwrap().code(), Some(0));
}
