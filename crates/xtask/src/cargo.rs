//! Commands of cargo and its tools, started from inside `cargo run`.

use std::{env, ffi::OsStr, path::Path, process::Command};

use crate::{Outcome, workspace};

/// Variables that cargo sets for what it runs, by prefix. Build scripts such as ring's watch some of them, so a cargo
/// below a cargo that hands them on would build these again each time.
const SET_BY_CARGO: [&str; 6] = [
    "CARGO_PKG_",
    "CARGO_MANIFEST_",
    "CARGO_BIN_",
    "CARGO_CRATE_",
    "CARGO_PRIMARY_",
    "OUT_DIR",
];

/// A command in the workspace's root, without what the outer cargo has set for this program.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace::root());
    for (name, _) in env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| SET_BY_CARGO.iter().any(|prefix| name.starts_with(prefix)))
        {
            command.env_remove(name);
        }
    }
    command
}

/// The same cargo that runs this program.
pub(crate) fn cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args);
    command
}

/// Builds everything with the features that a build of the whole workspace has: `-p` would resolve others, and build
/// the dependencies a second time.
pub(crate) fn build() -> Outcome {
    run(&mut cargo(["build", "--workspace", "--all-targets"]))
}

/// Runs it; fails if it does.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let status = command.status().map_err(|error| unstartable(command, &error))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("`{}` failed: {status}", shown(command)).into())
}

/// Runs it; answers its standard output, or fails if it does.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| unstartable(command, &error))?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    Err(format!("`{}` failed: {}", shown(command), output.status).into())
}

/// Why it could not be started.
pub(crate) fn unstartable(command: &Command, error: &std::io::Error) -> String {
    format!("cannot start `{}`: {error}", shown(command))
}

/// The command as one would type it, with the program's name only.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name();
    let words = program.into_iter().chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
