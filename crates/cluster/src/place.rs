//! The run directory as a place: where it is, and that it may be used.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use crate::{ClusterError, node, state};

/// That nothing but a cluster is in there, as all of it is going to be removed.
pub(crate) fn check(dir: &Path) -> Result<(), ClusterError> {
    let mut entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(ClusterError::file("read", dir)(error)),
    };
    let is_ours = dir.join(state::FILE).is_file() || entries.next().is_none() || node::is_claimed_by(dir);
    if is_ours {
        return Ok(());
    }
    Err(ClusterError::Option {
        what: format!("the directory {}", dir.display()),
        why: "it has files in it that are not a cluster's: choose another",
    })
}

/// Nobody but the owner may look into it: its keys are the cluster's. Pods pass through it to their volumes as root.
pub(crate) fn create(dir: &Path) -> Result<(), ClusterError> {
    let log = dir.join("log");
    let mut builder = fs::DirBuilder::new();
    builder
        .recursive(true)
        .mode(0o700)
        .create(&log)
        .map_err(ClusterError::file("create", &log))
}

/// Without links on the way: mounts and environments are compared with it.
pub(crate) fn absolute(dir: &Path) -> Result<PathBuf, ClusterError> {
    let absolute = std::path::absolute(dir).map_err(ClusterError::file("find", dir))?;
    let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
        let (what, why) = (format!("the directory {}", dir.display()), "it has no name");
        return Err(ClusterError::Option { what, why });
    };
    fs::create_dir_all(parent).map_err(ClusterError::file("create", parent))?;
    let parent = parent.canonicalize().map_err(ClusterError::file("find", parent))?;
    Ok(parent.join(name))
}
