//! Debian's packages of MariaDB, installed without starting a service.

use std::{
    fs, io,
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crate::{MariaDbError, command, programs};

/// Downloads included.
const INSTALL: Duration = Duration::from_secs(10 * 60);

/// While it is there and says 101, Debian's packages start no services.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Installs what is lacking; does nothing if all is there.
///
/// # Errors
/// If it cannot be installed here, `cancelled` was set meanwhile, or apt-get fails.
pub fn install(cancelled: &AtomicBool) -> Result<(), MariaDbError> {
    if let Some(missing) = programs::missing() {
        return Err(missing.into());
    }
    let Some(lacking) = programs::lacking() else {
        return Ok(());
    };
    let _quiet = Quiet::begin()?;
    let apt = |args: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.args(["--yes", "--quiet"])
            .args(args)
            .env("DEBIAN_FRONTEND", "noninteractive");
        command::run(&mut apt, INSTALL, cancelled)
    };
    let args = [&["install", "--no-install-recommends"], lacking.packages().as_slice()].concat();
    if apt(&args).is_err() && !cancelled.load(Ordering::Relaxed) {
        // Its lists may be old, or not there at all.
        apt(&["update"])?;
        apt(&args)?;
    }
    programs::lacking().map_or(Ok(()), |still| Err(still.into()))
}

/// Keeps services from starting, as long as it lives.
struct Quiet {
    /// Ours to remove; none if there was a policy before.
    policy: Option<PathBuf>,
}

impl Quiet {
    fn begin() -> Result<Self, MariaDbError> {
        let policy = PathBuf::from(POLICY);
        let made = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o755)
            .open(&policy);
        match made.and_then(|mut file| io::Write::write_all(&mut file, b"#!/bin/sh\nexit 101\n")) {
            Ok(()) => Ok(Self { policy: Some(policy) }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Self { policy: None }),
            Err(error) => Err(MariaDbError::file("write", policy)(error)),
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
