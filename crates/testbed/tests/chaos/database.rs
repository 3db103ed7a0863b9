//! A MariaDB of the test's own, on a thread of its own: everything about it blocks.

use std::{path::Path, sync::mpsc, thread};

use flow_mariadb::{Admin, MariaDbError, Server};

/// What is done to it.
type Deed = fn(&mut Server) -> Result<(), MariaDbError>;

/// The database. It is ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Database {
    admin: Admin,
    /// `None` once it ends.
    deeds: Option<mpsc::Sender<Deed>>,
    thread: Option<thread::JoinHandle<Result<(), MariaDbError>>>,
}

impl Database {
    /// Starts one in a folder.
    pub(crate) async fn start(folder: &Path) -> Self {
        let folder = folder.to_owned();
        let started = tokio::task::spawn_blocking(move || Server::start(&folder));
        let mut server = started.await.unwrap().unwrap_or_else(|error| panic!("{error}"));
        let admin = server.admin().clone();
        let (deeds, asked) = mpsc::channel::<Deed>();
        let thread = thread::spawn(move || {
            for deed in asked {
                deed(&mut server)?;
            }
            server.stop()
        });
        Self {
            admin,
            deeds: Some(deeds),
            thread: Some(thread),
        }
    }

    /// How to reach it.
    pub(crate) fn admin(&self) -> &Admin {
        &self.admin
    }

    /// Has something done to it, after what was asked for before.
    pub(crate) fn have(&self, deed: Deed) {
        // Where it cannot be done the thread has ended, with the reason.
        let _ = self.deeds.as_ref().map(|deeds| deeds.send(deed));
    }

    /// Waits until everything is done, and ends it. Fails if something of it could not be done.
    pub(crate) fn end(mut self) {
        self.join().unwrap_or_else(|error| panic!("the database: {error}"));
    }

    fn join(&mut self) -> Result<(), MariaDbError> {
        self.deeds = None;
        self.thread.take().map_or(Ok(()), |thread| thread.join().unwrap())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // The process that it would outlive may end right after this.
        if let Err(error) = self.join() {
            eprintln!("--- the database: {error}");
        }
    }
}
