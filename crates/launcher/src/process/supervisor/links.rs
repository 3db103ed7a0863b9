use std::{fs, io, os::unix::fs::symlink, path::Path};

use crate::LaunchError;

/// An application folder with more entries is a mistake.
const MAX_ENTRIES: usize = 10_000;

/// Links every entry of `app` into `work`, so that programs find their files by relative paths and
/// still have a working directory of their own to write to. What is there already stays.
pub(super) fn link_entries(app: &Path, work: &Path) -> Result<(), LaunchError> {
    let unreadable = |source| LaunchError::WorkdirUnreadable {
        path: app.to_owned(),
        source,
    };
    for (count, entry) in fs::read_dir(app).map_err(unreadable)?.enumerate() {
        if count >= MAX_ENTRIES {
            let source = io::Error::other(format!("it has more than {MAX_ENTRIES} entries"));
            return Err(unreadable(source));
        }
        let entry = entry.map_err(unreadable)?;
        let link = work.join(entry.file_name());
        match symlink(entry.path(), &link) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(LaunchError::io("link", link)(error)),
        }
    }
    Ok(())
}
