//! The cluster's parts as processes that outlive whoever started them.

mod table;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::{Deserialize, Serialize};

pub use self::table::ProcessId;
pub(crate) use self::table::with_variable;
use crate::{ClusterError, command::tail};

/// In the environment of every process of a cluster, and of those that these start: the cluster's run directory.
pub(crate) const MARKER: &str = "FLOW_CLUSTER_DIR";

/// Of a part's log, this much is shown when it fails, in bytes.
const SHOWN: usize = 3000;

/// A part of the cluster that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Which part.
    pub name: String,
    /// The process.
    #[serde(flatten)]
    pub id: ProcessId,
    /// Where it logs to.
    pub log: PathBuf,
}

impl Process {
    /// Fails with the end of its log if it runs no more.
    pub(crate) fn check(&self) -> Result<(), ClusterError> {
        if self.id.is_alive() {
            return Ok(());
        }
        Err(ClusterError::Ended {
            name: self.name.clone(),
            log: self.log.clone(),
            tail: self.log_tail(SHOWN),
        })
    }

    /// The last `most` bytes of its log.
    pub(crate) fn log_tail(&self, most: usize) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        tail(String::from_utf8_lossy(&log).trim_end(), most).to_owned()
    }
}

/// Which namespaces a part runs in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Namespaces {
    /// The network namespace's file; the machine's own if none.
    pub(crate) net: Option<PathBuf>,
    /// Whose mounts it sees.
    pub(crate) mounts: Mounts,
}

/// Whose mounts a part sees.
#[derive(Debug, Clone, Default)]
pub(crate) enum Mounts {
    /// The machine's.
    #[default]
    Machine,
    /// Its own, which go with the last process that sees them. What the machine mounts later is seen.
    Own {
        /// The first lies over the second, for each pair.
        covers: Vec<(PathBuf, PathBuf)>,
    },
    /// Those of this process.
    Of(i32),
}

/// Mounts the pairs before `--`, then becomes what comes after it.
const COVER: &str = r#"while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit; shift 2; done; shift; exec "$@""#;

/// Starts a part in a session of its own, with its output in `log`.
///
/// `setsid`, `nsenter`, `unshare` and `sh` replace themselves by what they run, so the process is the part itself.
pub(crate) fn start(
    name: &str,
    part: &Command,
    dir: &Path,
    log: &Path,
    namespaces: &Namespaces,
) -> Result<Process, ClusterError> {
    let file = File::options()
        .create(true)
        .append(true)
        .open(log)
        .map_err(ClusterError::file("write", log))?;
    let mut command = Command::new("setsid");
    if namespaces.net.is_some() || matches!(namespaces.mounts, Mounts::Of(_)) {
        command.arg("nsenter");
        if let Some(net) = &namespaces.net {
            command.arg(prefixed("--net=", net));
        }
        if let Mounts::Of(pid) = namespaces.mounts {
            command.arg(format!("--mount=/proc/{pid}/ns/mnt"));
        }
    }
    if let Mounts::Own { covers } = &namespaces.mounts {
        command.args(["unshare", "--mount", "--propagation", "slave", "sh", "-c", COVER, "sh"]);
        for (cover, covered) in covers {
            command.arg(cover).arg(covered);
        }
        command.arg("--");
    }
    command.arg(part.get_program()).args(part.get_args());
    for (variable, value) in part.get_envs() {
        match value {
            Some(value) => command.env(variable, value),
            None => command.env_remove(variable),
        };
    }
    let unusable = ClusterError::file("write", log);
    let mut child = command
        .env(MARKER, dir)
        // Where these point is the caller's affair, not the cluster's.
        .env_remove("KUBECONFIG")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(file.try_clone().map_err(unusable)?)
        .stderr(file)
        .spawn()
        .map_err(|source| ClusterError::Start {
            program: name.to_owned(),
            source,
        })?;
    let pid = i32::try_from(child.id()).unwrap_or(i32::MAX);
    // One that has ended already is found dead at the first look.
    let id = ProcessId::of(pid).unwrap_or(ProcessId { pid, start_ticks: 0 });
    // Whenever it ends, if this process is still there, it is not to stay in the process table.
    std::thread::spawn(move || child.wait());
    let (name, log) = (name.to_owned(), log.to_owned());
    Ok(Process { name, id, log })
}

/// `--flag=path` as an argument, whatever bytes the path has.
pub(crate) fn prefixed(flag: &str, path: &Path) -> std::ffi::OsString {
    let mut arg = std::ffi::OsString::from(flag);
    arg.push(path);
    arg
}
