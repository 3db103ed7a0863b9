//! Places of the machine that parts of a node insist on writing to. In the node's mount namespace, folders of the run
//! directory lie over them, so nothing ever gets there.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::ClusterError;

/// Each with the name of what lies over it.
const PLACES: [(&str, &str); 3] = [
    // Sockets of device plugins.
    ("/var/lib/kubelet", "kubelet-default"),
    // What the network's plugins have answered.
    ("/var/lib/cni", "cni-results"),
    // Links to containers' logs.
    ("/var/log/containers", "container-logs"),
];

/// Makes those that are not there, as something to lie over; answers which.
pub(super) fn make() -> Result<Vec<PathBuf>, ClusterError> {
    let mut made = Vec::new();
    for place in PLACES.map(|(place, _)| PathBuf::from(place)) {
        match fs::create_dir(&place) {
            Ok(()) => made.push(place),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(ClusterError::file("create", place)(error)),
        }
    }
    Ok(made)
}

/// What lies over what.
pub(super) fn covers(dir: &Path) -> Result<Vec<(PathBuf, PathBuf)>, ClusterError> {
    let cover = |(place, name): (&str, &str)| {
        let cover = dir.join(name);
        fs::create_dir_all(&cover).map_err(ClusterError::file("create", &cover))?;
        Ok((cover, PathBuf::from(place)))
    };
    PLACES.into_iter().map(cover).collect()
}

/// Removes those that were made, unless somebody else has come to use them.
pub(super) fn remove(made: &[PathBuf]) {
    for place in made {
        let _ = fs::remove_dir(place);
    }
}
