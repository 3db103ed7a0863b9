//! Writing keys and certificates so that no reader ever sees half a file, or a key it should not.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::PkiError;

/// Nothing here comes near this size; a larger file is not what it is taken for.
const LARGEST: u64 = 1 << 20;

pub(crate) const PRIVATE: u32 = 0o600;
pub(crate) const PUBLIC: u32 = 0o644;

/// Creates `dir` and its parents where missing, for the owner alone.
pub(crate) fn create_dir(dir: &Path) -> Result<(), PkiError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|source| file_error("create", dir, source))
}

/// Reads a small text file.
pub(crate) fn read(path: &Path) -> Result<String, PkiError> {
    let read = || {
        if fs::metadata(path)?.len() > LARGEST {
            let why = "larger than 1 MiB, so it is no certificate or key";
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        fs::read_to_string(path)
    };
    read().map_err(|source| file_error("read", path, source))
}

/// Writes `content` under `path` in one step, durable when this returns.
///
/// Without `replace` an existing file is left alone: the error's source is `AlreadyExists`.
pub(crate) fn write(path: &Path, content: &str, mode: u32, replace: bool) -> Result<(), PkiError> {
    let write = || {
        let dir = path.parent().unwrap_or(Path::new("."));
        // A named temporary file is 0600 from its creation, so a key is never readable by others.
        let mut temporary = NamedTempFile::new_in(dir)?;
        temporary.write_all(content.as_bytes())?;
        temporary.as_file().set_permissions(Permissions::from_mode(mode))?;
        temporary.as_file().sync_all()?;
        if replace {
            temporary.persist(path)?;
        } else {
            temporary.persist_noclobber(path)?;
        }
        File::open(dir)?.sync_all()
    };
    write().map_err(|source| file_error("write", path, source))
}

fn file_error(action: &'static str, path: &Path, source: io::Error) -> PkiError {
    PkiError::File {
        action,
        path: path.to_owned(),
        source,
    }
}

/// Whether the error is that the file was there already.
pub(crate) fn already_exists(error: &PkiError) -> bool {
    matches!(error, PkiError::File { source, .. } if source.kind() == io::ErrorKind::AlreadyExists)
}
