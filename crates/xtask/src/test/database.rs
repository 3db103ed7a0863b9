//! The MariaDB that tests run on: one server for all of them, a database a test.

use std::sync::{Arc, atomic::AtomicBool};

use flow_mariadb::{ADMIN_URL, Server};

use crate::{Outcome, chain};

/// A server that is up. It is ended when this is dropped, which is also after a failure or a Ctrl-C.
#[derive(Debug, Default)]
pub(super) struct Database {
    /// The server before its folder: it ends before that is removed.
    up: Option<(Server, tempfile::TempDir)>,
}

impl Database {
    /// Installs MariaDB where it is missing, and starts a server; none if the caller's environment names one already.
    pub(super) fn start(&mut self, cancelled: Arc<AtomicBool>) -> Outcome {
        if std::env::var_os(ADMIN_URL).is_some() {
            return Ok(());
        }
        flow_mariadb::install(&cancelled).map_err(|error| chain(&error))?;
        let folder = tempfile::Builder::new().prefix("flow-database-").tempdir()?;
        let server = Server::start_unless(folder.path(), cancelled).map_err(|error| chain(&error))?;
        self.up = Some((server, folder));
        Ok(())
    }

    /// What tests find it by.
    pub(super) fn environment(&self) -> Option<(&'static str, String)> {
        let (server, _) = self.up.as_ref()?;
        Some((ADMIN_URL, server.admin().admin_url()))
    }

    /// Ends it, and fails if it does not end in good order.
    pub(super) fn down(mut self) -> Outcome {
        match &mut self.up {
            Some((server, _)) => Ok(server.stop().map_err(|error| chain(&error))?),
            None => Ok(()),
        }
    }
}
