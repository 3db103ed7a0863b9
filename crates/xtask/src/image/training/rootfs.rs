//! Debian with Python and iflearner, in a folder of this machine.

use std::{fs, path::Path};

use super::{
    super::{debian, platform::Platform},
    PYTHON_MINOR,
};
use crate::{Outcome, cargo};

/// Debian 12.
pub(super) const SUITE: &str = "bookworm";
/// Where Debian is; a mirror near by can be named in `DEBIAN_MIRROR`.
pub(super) const MIRROR: &str = "http://deb.debian.org/debian";
/// Beside what every Debian has.
pub(super) const PACKAGES: &str = "ca-certificates,python3";

/// The newest glibc that a wheel may ask for: Debian 12 has 2.36.
const GLIBC_MINOR: u32 = 36;

/// Where Debian's Python looks for what is not Debian's, without a leading slash.
pub(super) fn site_packages() -> String {
    format!("usr/local/lib/python3.{PYTHON_MINOR}/dist-packages")
}

/// Makes a Debian in `root`.
pub(super) fn bootstrap(root: &Path) -> Outcome {
    if !nix::unistd::geteuid().is_root() {
        return Err("the training image is made with debootstrap, which works for root only".into());
    }
    let debootstrap = debian::program("debootstrap", "debootstrap")?;
    let mirror = std::env::var("DEBIAN_MIRROR").unwrap_or_else(|_| MIRROR.to_owned());
    let mut command = cargo::command(debootstrap);
    command.args(["--variant=minbase", &format!("--include={PACKAGES}"), SUITE]);
    command.arg(root).arg(mirror);
    // Some of its programs write the day down otherwise.
    cargo::run(command.env("SOURCE_DATE_EPOCH", "0").stdout(std::io::stderr()))
}

/// Installs the packages of a lock, which pip checks against its hashes.
pub(super) fn install(root: &Path, lock: &Path, platform: Platform) -> Outcome {
    let mut pip = cargo::command(debian::program("pip3", "python3-pip")?);
    pip.args([
        "install",
        "--quiet",
        "--require-hashes",
        "--no-deps",
        "--no-compile",
        "--no-input",
    ]);
    pip.args([
        "--disable-pip-version-check",
        "--progress-bar",
        "off",
        "--only-binary",
        ":all:",
    ]);
    pip.args([
        "--implementation",
        "cp",
        "--python-version",
        &format!("3.{PYTHON_MINOR}"),
    ]);
    for abi in [format!("cp3{PYTHON_MINOR}"), "abi3".to_owned(), "none".to_owned()] {
        pip.args(["--abi", &abi]);
    }
    // The names before those with numbers, which pip does not know to be the same.
    let named = ["2014", "2010", "1"].map(|name| format!("manylinux{name}"));
    let numbered = (5..=GLIBC_MINOR).rev().map(|minor| format!("manylinux_2_{minor}"));
    for wheel in numbered.chain(named) {
        pip.args(["--platform", &format!("{wheel}_{}", platform.wheel)]);
    }
    pip.arg("--target").arg(root.join(site_packages()));
    pip.arg("--requirement").arg(lock);
    // A user's setting of it cannot go with a target.
    cargo::run(pip.env("PIP_USER", "0").stdout(std::io::stderr()))
}

/// Compiles all of Python ahead, as nobody can at a read-only root. By the source's hash: its time is not kept.
pub(super) fn compile(root: &Path) -> Outcome {
    let own = format!("usr/lib/python3.{PYTHON_MINOR}");
    let folders = [own, "usr/lib/python3/dist-packages".to_owned(), site_packages()];
    for folder in &folders {
        remove_compiled(&root.join(folder))?;
    }
    let mut python = cargo::command("chroot");
    python.arg(root).args([
        "/usr/bin/python3",
        "-m",
        "compileall",
        "-q",
        "--invalidation-mode",
        "checked-hash",
    ]);
    python.args(folders.iter().map(|folder| format!("/{folder}")));
    // So that sets come out in one order.
    cargo::run(python.env("PYTHONHASHSEED", "0").stdout(std::io::stderr()))
}

/// Removes what was compiled by the packages' own scripts, which goes by time.
fn remove_compiled(folder: &Path) -> Outcome {
    let unreadable = |error| format!("cannot read {}: {error}", folder.display());
    for found in fs::read_dir(folder).map_err(unreadable)? {
        let found = found.map_err(unreadable)?;
        if !found.file_type().map_err(unreadable)?.is_dir() {
            continue;
        }
        if found.file_name() == "__pycache__" {
            fs::remove_dir_all(found.path())
                .map_err(|error| format!("cannot clear {}: {error}", found.path().display()))?;
        } else {
            remove_compiled(&found.path())?;
        }
    }
    Ok(())
}
