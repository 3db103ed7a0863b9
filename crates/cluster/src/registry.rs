//! Which clusters this user has: so that one whose owner died without taking it down is found and taken down.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::{ClusterError, options};

/// Remembers a cluster. Its run directory is the content of a file of its own, so that no two writers meet.
pub(crate) fn add(dir: &Path) -> Result<(), ClusterError> {
    let Some(folder) = folder() else {
        return Ok(());
    };
    fs::create_dir_all(&folder).map_err(ClusterError::file("create", &folder))?;
    let entry = entry(&folder, dir);
    fs::write(&entry, dir.as_os_str().as_encoded_bytes()).map_err(ClusterError::file("write", &entry))
}

/// Forgets it.
pub(crate) fn remove(dir: &Path) -> Result<(), ClusterError> {
    let Some(entry) = folder().map(|folder| entry(&folder, dir)) else {
        return Ok(());
    };
    match fs::remove_file(&entry) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ClusterError::file("remove", &entry)(error)),
        _ => Ok(()),
    }
}

/// Run directories of all that are remembered.
pub(crate) fn all() -> Vec<PathBuf> {
    let entries = folder().and_then(|folder| fs::read_dir(folder).ok());
    let contents = entries
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| fs::read_to_string(entry.path()).ok());
    contents.map(PathBuf::from).collect()
}

fn folder() -> Option<PathBuf> {
    Some(options::cache()?.join("clusters"))
}

fn entry(folder: &Path, dir: &Path) -> PathBuf {
    let digest = Sha256::digest(dir.as_os_str().as_encoded_bytes());
    let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    folder.join(name)
}
