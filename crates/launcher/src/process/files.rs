//! Small files that are either there as a whole or not at all, also after a power failure.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::LaunchError;

/// More than the largest launch takes as JSON.
const MAX_STATE_BYTES: u64 = 16 << 20;

/// Replaces `path` by `bytes` (mode 0600): temporary file, fsync, rename, fsync of the folder.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), LaunchError> {
    static UNIQUE: AtomicU64 = AtomicU64::new(0);
    let unique = UNIQUE.fetch_add(1, Ordering::Relaxed);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{unique}.tmp", process::id()));
    let temporary = path.with_file_name(name);
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        if let Some(folder) = path.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    };
    write().map_err(|source| {
        // Only the leftover of a failed write is removed; that it may be gone already is fine.
        let _ = fs::remove_file(&temporary);
        LaunchError::io("write", path)(source)
    })
}

/// [`write_atomic`] of a value as JSON.
pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), LaunchError> {
    let bytes = serde_json::to_vec(value).map_err(|source| LaunchError::CorruptState {
        path: path.into(),
        source,
    })?;
    write_atomic(path, &bytes)
}

/// Reads a file of bounded size; `None` if there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, LaunchError> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(MAX_STATE_BYTES).read_to_end(&mut bytes)) {
        Ok(_) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(LaunchError::io("read", path)(error)),
    }
}

/// Reads a value written by [`write_json`]; `None` if there is no file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, LaunchError> {
    read(path)?
        .map(|bytes| serde_json::from_slice(&bytes))
        .transpose()
        .map_err(|source| LaunchError::CorruptState {
            path: path.into(),
            source,
        })
}

/// Makes a folder of mode 0700, and its parents; it may exist.
pub(crate) fn private_folder(path: &Path) -> Result<(), LaunchError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(LaunchError::io("create folder", path))
}

/// An exclusive flock, held until dropped or until the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock if it is free. The file is made if need be and never removed.
    pub(crate) fn try_take(path: &Path) -> Result<Option<Self>, LaunchError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(LaunchError::io("open lock", path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(LaunchError::io("lock", path)(error)),
        }
    }

    /// Takes the lock, waiting for it up to `patience`. Blocks the thread.
    pub(crate) fn take_within(path: &Path, patience: Duration) -> Result<Option<Self>, LaunchError> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(lock) = Self::try_take(path)? {
                return Ok(Some(lock));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Removes a folder with all it contains in one visible step, by moving it aside first.
pub(crate) fn remove_folder(path: &Path, aside: PathBuf) -> Result<(), LaunchError> {
    match fs::rename(path, &aside) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(LaunchError::io("move aside", path)(error)),
    }
    fs::remove_dir_all(&aside).map_err(LaunchError::io("remove folder", aside))
}
