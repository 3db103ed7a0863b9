//! Builds an environment: a virtual one with the pinned and hash-checked requirements in it.

use std::{
    fs,
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use flow_domain::ErrorCode;
use tokio::process::Command;

use super::{Recipe, find::Interpreter};
use crate::Failure;

/// For all the downloads; pip has time limits of its own for each.
const PATIENCE: Duration = Duration::from_secs(600);
/// So many lines of what pip says at last are shown.
const TAIL: usize = 12;

/// Builds it in `dir`, which may be renamed afterwards: nothing that is used of it holds its path.
pub(super) async fn into(dir: &Path, interpreter: &Interpreter, recipe: &Recipe) -> Result<(), Failure> {
    let path = dir.join("requirements.txt");
    fs::write(&path, recipe.requirements)
        .map_err(|error| Failure::internal(format!("cannot write {}", path.display())).because(error))?;
    // Without pip it is made in a moment, and also where Debian has split `ensurepip` off.
    let mut venv = Command::new(&interpreter.program);
    venv.args(["-I", "-m", "venv", "--without-pip"]).arg(dir);
    let made = output(venv).await?;
    if !made.status.success() {
        return Err(
            Failure::internal(format!("'{}' cannot make a virtual environment", interpreter.program))
                .details(tail(&made))
                .hint("install the venv module, such as with: apt install python3-venv"),
        );
    }
    let python = dir.join("bin/python");
    let mut pip = pip(interpreter, &python).await?;
    pip.args([
        "install",
        "--require-hashes",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--no-compile",
    ])
    .args([
        "--disable-pip-version-check",
        "--no-input",
        "--progress-bar",
        "off",
        "--quiet",
    ])
    .arg("--target")
    .arg(dir.join(&interpreter.library).join("site-packages"))
    .arg("--requirement")
    .arg(&path)
    // A user's setting of it cannot go with a target.
    .env("PIP_USER", "0");
    let installed = output(pip).await?;
    if !installed.status.success() {
        return Err(refused(&installed));
    }
    let mut check = Command::new(&python);
    check.args(["-I", "-c", &format!("import {}", recipe.imports)]);
    let checked = output(check).await?;
    if !checked.status.success() {
        return Err(Failure::internal("the installed packages do not work on this machine").details(tail(&checked)));
    }
    Ok(())
}

/// The interpreter's own pip, or else the one that comes with the `ensurepip` module.
async fn pip(interpreter: &Interpreter, python: &Path) -> Result<Command, Failure> {
    let mut own = Command::new(&interpreter.program);
    own.args(["-m", "pip", "--version"]);
    if output(own).await?.status.success() {
        let mut pip = Command::new(&interpreter.program);
        pip.args(["-m", "pip"]);
        return Ok(pip);
    }
    let mut ensure = Command::new(python);
    ensure.args(["-I", "-m", "ensurepip"]);
    let ensured = output(ensure).await?;
    if !ensured.status.success() {
        return Err(
            Failure::invalid(format!("'{}' has neither pip nor ensurepip", interpreter.program))
                .details(tail(&ensured))
                .hint("install one of them, such as with: apt install python3-pip python3-venv"),
        );
    }
    let mut pip = Command::new(python);
    pip.args(["-m", "pip"]);
    Ok(pip)
}

async fn output(mut command: Command) -> Result<Output, Failure> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let running = command.stdin(Stdio::null()).kill_on_drop(true).output();
    match tokio::time::timeout(PATIENCE, running).await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(error)) => Err(Failure::internal(format!("cannot start '{program}'")).because(error)),
        Err(_) => Err(Failure::new(
            ErrorCode::Timeout,
            format!(
                "'{program}' was still installing after {} minutes",
                PATIENCE.as_secs() / 60
            ),
        )
        .hint("check the network and run it again: what was downloaded is in pip's cache")),
    }
}

fn refused(installed: &Output) -> Failure {
    let said = String::from_utf8_lossy(&installed.stderr);
    let lines = tail(installed);
    if said.contains("DO NOT MATCH THE HASHES") {
        return Failure::internal("a package is not the one that was pinned: nothing of it was installed")
            .details(lines)
            .hint("if you use a mirror of PyPI, check it; do not go on without knowing why");
    }
    let unreachable = [
        "NewConnectionError",
        "ConnectTimeout",
        "ProxyError",
        "Connection to ",
        "from versions: none",
        "SSLError",
    ];
    if unreachable.iter().any(|sign| said.contains(sign)) {
        return Failure::new(ErrorCode::Unavailable, "the Python package index cannot be reached")
            .details(lines)
            .hint("check the network, or set PIP_INDEX_URL to a mirror that you can reach, and run it again");
    }
    Failure::internal("pip could not install iflearner and what it needs").details(lines)
}

/// The last lines that a program wrote.
fn tail(output: &Output) -> Vec<String> {
    let text = if output.stderr.is_empty() {
        &output.stdout
    } else {
        &output.stderr
    };
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(TAIL)..]
        .iter()
        .map(|line| (*line).to_owned())
        .collect()
}
