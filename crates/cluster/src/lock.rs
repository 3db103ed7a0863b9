//! One process at a time brings a cluster up or down.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use crate::ClusterError;

/// Held until it is dropped, or its process ends in any way.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Takes the lock of the cluster in `dir`. It is a file beside the directory, which comes and goes.
pub(crate) fn take(dir: &Path) -> Result<Lock, ClusterError> {
    let path = path(dir);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(ClusterError::file("create", parent))?;
    }
    loop {
        let file = File::create(&path).map_err(ClusterError::file("create", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ClusterError::Busy { dir: dir.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(ClusterError::file("lock", &path)(source)),
        }
        // Whoever held it before may have removed the file in between: then this is a lock on nothing.
        if is_same(&file, &path) {
            return Ok(Lock { _file: file });
        }
    }
}

/// Takes the file away; call it while holding the lock, at the end.
pub(crate) fn remove(dir: &Path) -> Result<(), ClusterError> {
    let path = path(dir);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ClusterError::file("remove", &path)(error)),
        _ => Ok(()),
    }
}

fn path(dir: &Path) -> PathBuf {
    let mut name = dir.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    dir.with_file_name(name)
}

fn is_same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(held), Ok(there)) = (file.metadata(), path.metadata()) else {
        return false;
    };
    (held.dev(), held.ino()) == (there.dev(), there.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_is_told_and_nothing_is_left() {
        let base = tempfile::tempdir().unwrap();
        let dir = base.path().join("cluster");
        let held = take(&dir).unwrap();
        assert!(matches!(take(&dir), Err(ClusterError::Busy { .. })));
        remove(&dir).unwrap();
        drop(held);
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
        take(&dir).unwrap();
    }
}
