//! A Python environment with iflearner, in the user's cache: built once, then used by every demo.

mod find;
mod install;

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest as _, Sha256};

use self::find::Interpreter;
use crate::{Failure, output::note};

/// What an environment is made of.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    /// A hash-checked lock in pip's format.
    pub requirements: &'static str,
    /// Modules that must import once it is made, separated by commas.
    pub imports: &'static str,
}

/// The environment of the demo: iflearner.
pub const IFLEARNER: Recipe = Recipe {
    requirements: include_str!("../../assets/demo/requirements.txt"),
    imports: "numpy, grpc, google.protobuf, gmpy2, flask, loguru, Crypto",
};

/// The Python of an environment that has everything its recipe says.
///
/// It is built in a folder beside its place and renamed, so that one that was interrupted is never used. A file lock
/// sees to it that two that are started at once build only one.
///
/// # Errors
/// No supported Python, no network, or a cache that cannot be written to, each with what to do about it.
pub async fn environment(cache: &Path, recipe: &Recipe, progress: &dyn Fn(&str)) -> Result<PathBuf, Failure> {
    fs::create_dir_all(cache).map_err(unwritable(cache))?;
    let interpreter = find::interpreter().await?;
    let place = cache.join(format!("python-{}", key(&interpreter, recipe.requirements)));
    if let Some(python) = usable(&place).await {
        return Ok(python);
    }
    let _lock = lock(&place.with_extension("lock"), progress).await?;
    // Another one may have built it in the meantime.
    if let Some(python) = usable(&place).await {
        return Ok(python);
    }
    progress("installing a Python environment (once)");
    let building = tempfile::Builder::new()
        .prefix(".python-")
        .tempdir_in(cache)
        .map_err(unwritable(cache))?;
    install::into(building.path(), &interpreter, recipe).await?;
    if place.exists() {
        fs::remove_dir_all(&place).map_err(unwritable(&place))?;
    }
    fs::rename(building.path(), &place).map_err(unwritable(&place))?;
    // What it was to remove at its end is now in place.
    let _ = building.keep();
    Ok(place.join("bin/python"))
}

/// The same requirements with another Python are another environment.
fn key(interpreter: &Interpreter, requirements: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(requirements);
    hash.update([0]);
    hash.update(&interpreter.identity);
    let digest = hash.finalize();
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The environment's Python, if it is there and starts: the Python behind it may have been removed since.
async fn usable(place: &Path) -> Option<PathBuf> {
    let python = place.join("bin/python");
    if !python.exists() {
        return None;
    }
    find::identity(&python).await.map(|_| python)
}

async fn lock(path: &Path, progress: &dyn Fn(&str)) -> Result<File, Failure> {
    const POLL: Duration = Duration::from_millis(200);
    let file = File::create(path).map_err(unwritable(path))?;
    let mut said = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                if !said {
                    progress("waiting for another flowctl that builds the Python environment");
                    said = true;
                }
                tokio::time::sleep(POLL).await;
            }
            Err(TryLockError::Error(error)) => return Err(unwritable(path)(error)),
        }
    }
}

fn unwritable(path: &Path) -> impl FnOnce(std::io::Error) -> Failure + use<> {
    let path = path.display().to_string();
    move |error| {
        Failure::internal(format!("cannot write to the cache at {path}"))
            .because(error)
            .hint("set XDG_CACHE_HOME to a folder that you may write to")
    }
}

/// Progress as plain lines on stderr.
pub fn plainly(text: &str) {
    note(text);
}
