//! Programs of the system that a node uses, and the Debian packages that have them.

use std::{
    fs, io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{ClusterError, Missing, Need, command, wait::Cancel};

/// Program and package. Plugins of the container network are not on the PATH, so they are named by their path.
const PROGRAMS: [(&str, &str); 9] = [
    ("runc", "runc"),
    ("/usr/lib/cni/bridge", "containernetworking-plugins"),
    ("/usr/lib/cni/host-local", "containernetworking-plugins"),
    ("/usr/lib/cni/loopback", "containernetworking-plugins"),
    ("iptables", "iptables"),
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("unshare", "util-linux"),
    ("setsid", "util-linux"),
];

/// Where Debian has the plugins.
pub(super) const PLUGINS: &str = "/usr/lib/cni";

/// Downloads included.
const INSTALL: Duration = Duration::from_secs(15 * 60);

/// While it is there and says 101, Debian's packages start no services.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// What is lacking and cannot be installed.
pub(crate) fn needs() -> Vec<Need> {
    let mut needs = Vec::new();
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        needs.push(Need::Root);
    }
    let lacking = lacking();
    let can_install = is_root && command::find("apt-get").is_some();
    if !lacking.is_empty() && !can_install {
        needs.push(Need::Programs(lacking));
    }
    needs
}

/// Installs what is lacking.
pub(crate) fn install(say: fn(&str), cancel: &Cancel) -> Result<(), ClusterError> {
    let mut packages: Vec<&str> = lacking().into_iter().map(|(_, package)| package).collect();
    packages.dedup();
    if packages.is_empty() {
        return Ok(());
    }
    say(&format!("installing {}", packages.join(", ")));
    let _quiet = Quiet::begin()?;
    let apt = |args: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.args(["--yes", "--quiet"])
            .args(args)
            .env("DEBIAN_FRONTEND", "noninteractive");
        command::run(&mut apt, INSTALL, cancel)
    };
    let args = [&["install", "--no-install-recommends"], packages.as_slice()].concat();
    if let Err(error) = apt(&args) {
        cancel.check()?;
        // Its lists may be old, or not there at all.
        say(&format!("updating the lists of packages, as {error}"));
        apt(&["update"])?;
        apt(&args)?;
    }
    let lacking = lacking();
    if lacking.is_empty() {
        return Ok(());
    }
    Err(Missing {
        needs: vec![Need::Programs(lacking)],
    }
    .into())
}

fn lacking() -> Vec<(&'static str, &'static str)> {
    let is_there = |name: &str| {
        if name.starts_with('/') {
            command::is_program(Path::new(name))
        } else {
            command::find(name).is_some()
        }
    };
    PROGRAMS.into_iter().filter(|(name, _)| !is_there(name)).collect()
}

/// Keeps services from starting, as long as it lives.
struct Quiet {
    /// Ours to remove; none if there was a policy before.
    policy: Option<PathBuf>,
}

impl Quiet {
    fn begin() -> Result<Self, ClusterError> {
        let policy = PathBuf::from(POLICY);
        let made = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o755)
            .open(&policy);
        match made.and_then(|mut file| io::Write::write_all(&mut file, b"#!/bin/sh\nexit 101\n")) {
            Ok(()) => Ok(Self { policy: Some(policy) }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Self { policy: None }),
            Err(error) => Err(ClusterError::file("write", policy)(error)),
        }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if let Some(policy) = &self.policy {
            // One that stays keeps services from starting for good, but there is nobody to tell.
            let _ = fs::remove_file(policy);
        }
    }
}
