//! The programs of MariaDB, and the Debian packages that have them.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// Program and package.
const PROGRAMS: [(&str, &str); 3] = [
    ("mariadbd", "mariadb-server-core"),
    ("mariadb-install-db", "mariadb-server-core"),
    ("mariadb", "mariadb-client-core"),
];

/// Where they are when they are not on the PATH: Debian's places for root, and those of MariaDB's own packages.
const PLACES: [&str; 5] = [
    "/usr/sbin",
    "/usr/bin",
    "/usr/local/mysql/bin",
    "/usr/local/bin",
    "/opt/mariadb/bin",
];

/// What this machine lacks for a database server. The message names each thing and how to get it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Missing {
    /// Each program with its package; never empty.
    pub programs: Vec<(&'static str, &'static str)>,
}

impl Missing {
    /// The packages, each once.
    pub(crate) fn packages(&self) -> Vec<&'static str> {
        let mut packages: Vec<_> = self.programs.iter().map(|(_, package)| *package).collect();
        packages.dedup();
        packages
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.programs.iter().map(|(name, _)| *name).collect();
        let (names, packages) = (names.join(", "), self.packages().join(" "));
        write!(f, "this machine lacks {names} (as root: apt-get install {packages})")
    }
}

/// What is lacking and cannot be installed by [`install`](crate::install); `None` if a server can be had.
#[must_use]
pub fn missing() -> Option<Missing> {
    let can_install = nix::unistd::geteuid().is_root() && find("apt-get").is_some();
    lacking().filter(|_| !can_install)
}

/// What is not there now.
pub(crate) fn lacking() -> Option<Missing> {
    let programs: Vec<_> = PROGRAMS.into_iter().filter(|(name, _)| find(name).is_none()).collect();
    (!programs.is_empty()).then_some(Missing { programs })
}

/// The program of that name; its bare name if it is not there, so that the start says so.
pub(crate) fn program(name: &str) -> PathBuf {
    find(name).unwrap_or_else(|| name.into())
}

/// A program of that name on the PATH or in a well-known place.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(PLACES.map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|program| is_program(program))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_by_name() {
        assert!(find("sh").is_some());
        assert_eq!(find("no-such-program-of-this-name"), None);
    }

    #[test]
    fn what_is_missing_is_named_with_its_packages() {
        let programs = PROGRAMS.to_vec();
        assert_eq!(
            Missing { programs }.to_string(),
            "this machine lacks mariadbd, mariadb-install-db, mariadb (as root: apt-get install mariadb-server-core \
             mariadb-client-core)"
        );
    }
}
