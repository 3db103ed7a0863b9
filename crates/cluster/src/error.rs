//! What can go wrong with a cluster, and what a machine may lack for one.

use std::{fmt, io, path::PathBuf, process::ExitStatus, time::Duration};

/// Something that this machine does not have and a cluster needs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// A node makes interfaces, mounts and cgroups, which only root may.
    Root,
    /// Programs of the system, each with the Debian package that has it.
    Programs(Vec<(&'static str, &'static str)>),
    /// Neither a Go that is new enough nor a Python that could install one.
    Go {
        /// The oldest version that builds everything.
        at_least: &'static str,
    },
    /// Python with its `venv` module, which packages from PyPI are installed with.
    Python,
}

impl fmt::Display for Need {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => out.write_str("root rights (a node makes interfaces, mounts and cgroups)"),
            Self::Programs(programs) => {
                let names: Vec<&str> = programs.iter().map(|(name, _)| *name).collect();
                let mut packages: Vec<&str> = programs.iter().map(|(_, package)| *package).collect();
                packages.dedup();
                let (names, packages) = (names.join(", "), packages.join(" "));
                write!(out, "{names} (as root: apt-get install {packages})")
            }
            Self::Go { at_least } => write!(out, "Go {at_least} or newer (or python3 with venv, to install one)"),
            Self::Python => out.write_str("python3 with venv (as root: apt-get install python3-venv)"),
        }
    }
}

/// All that this machine lacks for a cluster. The message names each thing and how to get it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Missing {
    /// Each thing; never empty.
    pub needs: Vec<Need>,
}

impl fmt::Display for Missing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let needs: Vec<String> = self.needs.iter().map(ToString::to_string).collect();
        write!(out, "this machine lacks what the cluster needs: {}", needs.join("; "))
    }
}

/// Why a cluster could not be brought up, used or taken down.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// This machine cannot do it as it is.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A cluster runs in this directory already.
    #[error("a cluster is running in {}: use it (`Cluster::attach`), or take it down first", .dir.display())]
    Running {
        /// Its run directory.
        dir: PathBuf,
    },
    /// Another process is bringing this cluster up or down now.
    #[error("another process is working on the cluster in {}: wait for it, or choose another directory", .dir.display())]
    Busy {
        /// Its run directory.
        dir: PathBuf,
    },
    /// There is one node-level cluster a machine, and somebody else has it.
    #[error(
        "this machine's one node-level cluster is {}{}: take it down first",
        .dir.display(),
        .owner.map(|pid| format!(", held by process {pid}")).unwrap_or_default()
    )]
    Held {
        /// Its run directory.
        dir: PathBuf,
        /// The process whose cluster it is; none when it was brought up to stay.
        owner: Option<i32>,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// A file or folder could not be used.
    #[error("cannot {action} {}", .path.display())]
    File {
        /// `read`, `write`, `create` …
        action: &'static str,
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program could not be started.
    #[error("cannot start {program}")]
    Start {
        /// Its name.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// A command did not do what it was to do.
    #[error("`{command}` failed ({status}): {output}")]
    Command {
        /// As one would type it.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it wrote.
        output: String,
    },
    /// A part of the cluster ended by itself.
    #[error("{name} ended; its log {} ends with:\n{tail}", .log.display())]
    Ended {
        /// The part.
        name: String,
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// Something did not become true in time.
    #[error("{what}: not so after {} s{last}", .limit.as_secs())]
    Late {
        /// What was waited for.
        what: String,
        /// For how long.
        limit: Duration,
        /// What was seen last, where there is something to see.
        last: String,
    },
    /// After taking it down, something is still there.
    #[error("the cluster in {} is down, but this is left: {}", .dir.display(), .leftovers.join("; "))]
    Leftovers {
        /// Its run directory.
        dir: PathBuf,
        /// Each thing.
        leftovers: Vec<String>,
    },
    /// Keys or certificates could not be made.
    #[error("cannot make the cluster's certificates")]
    Pki(#[from] rcgen::Error),
    /// The state file is not one of ours.
    #[error("{} is no state of a cluster: remove that directory if nothing of it runs", .path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// An option that no cluster can be made of.
    #[error("{what} is not valid: {why}")]
    Option {
        /// Which, with its value.
        what: String,
        /// The reason.
        why: &'static str,
    },
}

impl ClusterError {
    /// For `map_err`: a file's error with what was tried.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
