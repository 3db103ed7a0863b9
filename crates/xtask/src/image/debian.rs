//! Programs and files of Debian's packages.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::{Outcome, cargo};

/// A program on the PATH; where it is nowhere, its package is installed if this user may do that.
pub(super) fn program(name: &str, package: &str) -> Outcome<PathBuf> {
    if let Some(found) = on_path(name) {
        return Ok(found);
    }
    let missing = format!("there is no {name} on the PATH");
    if on_path("apt-get").is_none() || !nix::unistd::geteuid().is_root() {
        return Err(format!("{missing}: install it, such as with: apt-get install {package}").into());
    }
    eprintln!("{missing}: installing Debian's {package} (once)");
    apt(&["install", "--yes", "--no-install-recommends", package], None)?;
    on_path(name).ok_or_else(|| format!("{missing}, also after Debian's {package} was installed").into())
}

/// A folder that comes with a package: this machine's, or the one in the package, which is then downloaded and unpacked
/// below `into`.
pub(super) fn folder(path: &str, package: &str, into: &Path) -> Outcome<PathBuf> {
    let own = PathBuf::from(path);
    if own.is_dir() {
        return Ok(own);
    }
    if on_path("apt-get").is_none() {
        return Err(format!("there is no {path} on this machine: install {package}").into());
    }
    eprintln!("there is no {path} on this machine: downloading Debian's {package}");
    apt(&["download", package], Some(into))?;
    let unpacked = into.join(package);
    for found in fs::read_dir(into)? {
        let archive = found?.path();
        let is_package = archive.extension().is_some_and(|extension| extension == "deb");
        let name = archive.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if is_package && name.starts_with(&format!("{package}_")) {
            cargo::run(cargo::command("dpkg-deb").arg("--extract").arg(&archive).arg(&unpacked))?;
        }
    }
    let unpacked = unpacked.join(path.trim_start_matches('/'));
    if unpacked.is_dir() {
        return Ok(unpacked);
    }
    Err(format!("Debian's {package} holds no {path}").into())
}

/// Runs apt-get. On a fresh machine its lists are empty: they are fetched when it fails, and it is run once more.
fn apt(args: &[&str], dir: Option<&Path>) -> Outcome {
    let run = |args: &[&str]| {
        let mut command = cargo::command("apt-get");
        command
            .arg("--quiet")
            .args(args)
            .env("DEBIAN_FRONTEND", "noninteractive");
        if let Some(dir) = dir {
            command.current_dir(dir);
        }
        cargo::run(&mut command)
    };
    run(args).or_else(|_| {
        run(&["update"])?;
        run(args)
    })
}

/// Where the PATH has a program, if it has.
pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_on_the_path_only() {
        assert!(on_path("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(on_path("no-such-program-of-this-name"), None);
    }

    #[test]
    fn a_folder_of_this_machine_is_taken_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_str().unwrap();
        assert_eq!(
            folder(path, "no-such-package", Path::new("unused")).unwrap(),
            dir.path()
        );
    }
}
