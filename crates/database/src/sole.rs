//! A database in a file is for one program.

use std::{
    fs::{File, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
};

use crate::ConnectError;

/// How much of a lock file is read, in bytes: a process id and no more.
const LONGEST: u64 = 32;

/// The right to use a SQLite database as its only user, until it is dropped or the process ends, however that comes. A MySQL database
/// needs none.
#[derive(Debug)]
pub struct SoleUse(Option<File>);

impl SoleUse {
    /// Takes it for a program of that name.
    ///
    /// # Errors
    /// If another process has it, or its lock file beside the database cannot be used.
    pub fn of(url: &str, program: &'static str) -> Result<Self, ConnectError> {
        let Some(path) = url.strip_prefix("sqlite:") else {
            return Ok(Self(None));
        };
        let path = path.trim_start_matches("//").split('?').next().unwrap_or_default();
        if path.is_empty() || path.contains(":memory:") {
            return Ok(Self(None));
        }
        let lock = format!("{path}.lock");
        let cannot = |source| ConnectError::Lock {
            path: lock.clone(),
            source,
        };
        if let Some(folder) = Path::new(&lock).parent() {
            std::fs::create_dir_all(folder).map_err(cannot)?;
        }
        let mut options = File::options();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock)
            .map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who it is helps, and is not needed.
                let _ = (&mut file).take(LONGEST).read_to_string(&mut holder);
                return Err(ConnectError::InUse {
                    path: path.to_owned(),
                    program,
                    holder: holder.trim().to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(cannot(source)),
        }
        let noted = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()));
        noted.map_err(cannot)?;
        Ok(Self(Some(file)))
    }
}

impl Drop for SoleUse {
    fn drop(&mut self) {
        if let Some(file) = &self.0 {
            // Closing it does the same; said here so that nobody takes the field for unused.
            let _ = file.unlock();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("new/flow.db").display());
        let first = SoleUse::of(&url, "flow-server").unwrap();
        let refused = SoleUse::of(&url, "flow-server").unwrap_err();
        let text = refused.to_string();
        assert!(
            text.contains(&format!("process {}", std::process::id())) && text.contains("mysql://"),
            "{text}"
        );
        drop(first);
        SoleUse::of(&url, "flow-server").unwrap();
    }

    #[test]
    fn what_is_no_file_needs_no_lock() {
        SoleUse::of("mysql://u:p@h/d", "flow-server").unwrap();
        SoleUse::of("sqlite::memory:", "flow-server").unwrap();
    }
}
