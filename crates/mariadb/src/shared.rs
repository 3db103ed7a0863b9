//! The server that tests share.

use std::{
    env,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use crate::{Admin, MariaDbError, Server, programs};

/// Where `cargo xtask test` says which server tests are to use: `mysql://user:password@host:port` of an account that
/// may do everything.
pub const ADMIN_URL: &str = "FLOW_TEST_MARIADB";

/// A server to make databases in. Keep it as long as they are used.
#[derive(Debug)]
pub struct Shared {
    admin: Admin,
    /// Ours, where nobody gave us one. Ended before its folder is removed.
    _own: Option<(Server, tempfile::TempDir)>,
}

impl Shared {
    /// How to reach it.
    #[must_use]
    pub fn admin(&self) -> &Admin {
        &self.admin
    }
}

/// The server that [`ADMIN_URL`] names; without it one of this process's own, which takes some seconds to start: under
/// a plain `cargo nextest run` that is one for each test. Tests that run beside each other in one process share it.
///
/// # Errors
/// If MariaDB is not installed (`cargo xtask test` installs it), or does not start.
pub fn shared() -> Result<Arc<Shared>, MariaDbError> {
    static SHARED: Mutex<Weak<Shared>> = Mutex::new(Weak::new());
    // Held while a server starts, so that the others wait for it. A test that failed leaves nothing half-done here.
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(running) = shared.upgrade() {
        return Ok(running);
    }
    let new = Arc::new(given_or_own()?);
    *shared = Arc::downgrade(&new);
    Ok(new)
}

fn given_or_own() -> Result<Shared, MariaDbError> {
    if let Ok(url) = env::var(ADMIN_URL) {
        let admin = Admin::parse(&url).ok_or(MariaDbError::Url { variable: ADMIN_URL })?;
        return Ok(Shared { admin, _own: None });
    }
    if let Some(lacking) = programs::lacking() {
        return Err(MariaDbError::NotInstalled(lacking));
    }
    let folder = tempfile::Builder::new()
        .prefix("flow-mariadb-")
        .tempdir()
        .map_err(MariaDbError::file("create", env::temp_dir()))?;
    let server = Server::start(folder.path())?;
    Ok(Shared {
        admin: server.admin().clone(),
        _own: Some((server, folder)),
    })
}
