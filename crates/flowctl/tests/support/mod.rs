//! Runs the real flowctl, against a server that answers as the contract says.

#![allow(clippy::unwrap_used, reason = "a test ends there")]
#![allow(dead_code, reason = "not every test needs all of it")]

pub(crate) mod contract;

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs flowctl without anything of the user's around it.
pub(crate) fn flowctl(server: &str, args: &[&str]) -> Done {
    flowctl_with(server, args, "")
}

/// The same with a text on stdin.
pub(crate) fn flowctl_with(server: &str, args: &[&str], stdin: &str) -> Done {
    let mut child = command(args)
        .env("FLOWCTL_SERVER", server)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that reads nothing closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    Done {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// flowctl with an empty environment.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowctl"));
    command
        .args(args)
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("COLUMNS", "100");
    command
}

/// A file with that text.
pub(crate) fn file(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}
