//! A cluster that is being brought up.

use std::{ffi::OsString, fs, os::unix::fs::symlink, process::Command, time::Duration};

use crate::{
    ClusterError, Options, Process, State,
    binaries::Binaries,
    layout::Layout,
    process::{self, Namespaces},
    wait::Cancel,
};

/// One `kubectl apply` or `ctr`.
const COMMAND: Duration = Duration::from_secs(120);

/// Of each part's log, this much is shown when something never comes to be, in bytes.
const LOG_SHOWN: usize = 1000;

/// What is there so far, and what is needed to go on.
#[derive(Debug)]
pub(crate) struct Building<'a> {
    pub(crate) options: &'a Options,
    pub(crate) layout: Layout,
    pub(crate) binaries: Binaries,
    pub(crate) cancel: Cancel,
    pub(crate) state: &'a mut State,
    /// The network that the cluster's parts are in.
    pub(crate) namespaces: Namespaces,
}

impl Building<'_> {
    /// A command of one of the cluster's programs.
    pub(crate) fn program(&self, name: &str) -> Command {
        Command::new(self.binaries.path(name))
    }

    /// The PATH of parts that run programs: their own, and the system's.
    pub(crate) fn path(&self) -> OsString {
        let mut path = self.binaries.cached().as_os_str().to_owned();
        path.push(":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        path
    }

    /// `kubectl` as the administrator.
    pub(crate) fn kubectl(&self) -> Command {
        let mut kubectl = self.program("kubectl");
        kubectl.arg("--kubeconfig").arg(self.layout.kubeconfig());
        // It keeps what it has discovered, for which each cluster is another one.
        kubectl.arg("--cache-dir").arg(self.layout.path("kubectl"));
        kubectl
    }

    /// Starts a part. It is on disk before anything else happens, so that it can be ended whatever happens.
    pub(crate) fn start(&mut self, name: &str, part: &Command) -> Result<Process, ClusterError> {
        let namespaces = self.namespaces.clone();
        self.start_in(name, part, &namespaces)
    }

    /// As [`Building::start`], in other namespaces.
    pub(crate) fn start_in(
        &mut self,
        name: &str,
        part: &Command,
        namespaces: &Namespaces,
    ) -> Result<Process, ClusterError> {
        self.cancel.check()?;
        let process = process::start(name, part, self.layout.dir(), &self.layout.log(name), namespaces)?;
        self.state.processes.push(process.clone());
        self.state.save(self.layout.dir())?;
        Ok(process)
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, command: &mut Command) -> Result<String, ClusterError> {
        crate::command::run(command, COMMAND, &self.cancel)
    }

    /// Asks until it is so; fails at once when a part ends by itself. If it never is, the ends of all logs are told,
    /// as they go with the cluster.
    pub(crate) fn until(&self, limit: Duration, what: &str, ask: impl Fn(&Self) -> bool) -> Result<(), ClusterError> {
        let processes = &self.state.processes;
        let outcome = self.cancel.within(limit, what, || {
            processes.iter().try_for_each(Process::check)?;
            Ok(ask(self).then_some(()))
        });
        outcome.map_err(|error| match error {
            ClusterError::Late { what, limit, .. } => {
                let logs = processes
                    .iter()
                    .map(|process| format!("\n{}:\n{}", process.name, process.log_tail(LOG_SHOWN)));
                ClusterError::Late {
                    what,
                    limit,
                    last: logs.collect(),
                }
            }
            error => error,
        })
    }

    /// Makes links to programs in the cluster's `bin`.
    pub(crate) fn link(&self, names: &[&str]) -> Result<(), ClusterError> {
        let bin = self.layout.bin();
        fs::create_dir_all(&bin).map_err(ClusterError::file("create", &bin))?;
        for name in names {
            let link = bin.join(name);
            symlink(self.binaries.path(name), &link).map_err(ClusterError::file("create", &link))?;
        }
        Ok(())
    }
}
