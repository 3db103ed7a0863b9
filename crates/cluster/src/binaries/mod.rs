//! The programs of a cluster: found, or built once and kept.
//!
//! Those of [`Part::Core`] come from the folder that `KUBEBUILDER_ASSETS` names, if all are there. Everything else, and
//! these otherwise, is in the user's cache, in a folder whose name changes with whatever is pinned. What is not there
//! yet is built from Go modules; the `go.sum` files under `modules/` say to the byte of what.

mod build;
mod catalog;
mod go;
mod pypi;

use std::{
    env,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

pub use self::catalog::KUBERNETES;
pub(crate) use self::catalog::Part;
use self::{catalog::fingerprint, go::Go};
use crate::{ClusterError, Level, Need, command, options, wait::Cancel};

/// A first build in another process may take this long.
const OTHER_BUILD: Duration = Duration::from_secs(60 * 60);

/// Where programs are.
#[derive(Debug, Clone)]
pub(crate) struct Binaries {
    core: PathBuf,
    cached: PathBuf,
}

impl Level {
    /// The parts that it is made of.
    pub(crate) fn parts(self) -> &'static [Part] {
        match self {
            Self::Api => &[Part::Core, Part::Control],
            Self::Node => &[Part::Core, Part::Control, Part::Node, Part::Dns, Part::Ingress],
        }
    }
}

impl Binaries {
    /// All that `level` needs; what is nowhere is built.
    pub(crate) fn get(level: Level, say: fn(&str), cancel: &Cancel) -> Result<Self, ClusterError> {
        let cache = cache()?;
        let binaries = Self::in_cache(&cache);
        let lacking = |part: &&Part| !binaries.has(**part);
        if !level.parts().iter().any(|part| lacking(&part)) {
            return Ok(binaries);
        }
        fs::create_dir_all(&binaries.cached).map_err(ClusterError::file("create", &binaries.cached))?;
        let _lock = lock(&cache.join(format!("{}.lock", folder())), say, cancel)?;
        for part in level.parts().iter().filter(lacking) {
            binaries.build(*part, &cache, say, cancel)?;
        }
        Ok(binaries)
    }

    /// What would have to be there to build what is lacking for `level`, and is not.
    pub(crate) fn needs(level: Level) -> Vec<Need> {
        let Some(cache) = options::cache() else {
            return Vec::new();
        };
        let binaries = Self::in_cache(&cache);
        if level.parts().iter().all(|part| binaries.has(*part)) || pypi::is_usable() {
            return Vec::new();
        }
        let mut needs = Vec::new();
        if !Go::is_there(&cache) {
            needs.push(Need::Go { at_least: catalog::GO });
        }
        if level == Level::Node && !binaries.has(Part::Ingress) {
            needs.push(Need::Python);
        }
        needs
    }

    fn in_cache(cache: &Path) -> Self {
        let cached = cache.join(folder()).join("bin");
        let assets = env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
        let core = assets
            .filter(|assets| has(assets, Part::Core))
            .unwrap_or_else(|| cached.clone());
        Self { core, cached }
    }

    /// A program or manifest.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        let is_core = Part::Core.files().any(|file| file == name);
        if is_core {
            self.core.join(name)
        } else {
            self.cached.join(name)
        }
    }

    /// The folder of those that were built.
    pub(crate) fn cached(&self) -> &Path {
        &self.cached
    }

    fn has(&self, part: Part) -> bool {
        has(if part == Part::Core { &self.core } else { &self.cached }, part)
    }

    /// Builds aside, then moves each file to its place: one that is there is whole.
    fn build(&self, part: Part, cache: &Path, say: fn(&str), cancel: &Cancel) -> Result<(), ClusterError> {
        let go = Go::find(cache, say, cancel)?;
        let beside = self.cached.parent().unwrap_or(cache);
        let work = tempfile::Builder::new()
            .prefix("build-")
            .tempdir_in(beside)
            .map_err(ClusterError::file("create", beside))?;
        for (made, name) in build::part(part, &go, work.path(), say, cancel)? {
            let place = self.cached.join(name);
            fs::rename(&made, &place).map_err(ClusterError::file("create", &place))?;
        }
        Ok(())
    }
}

fn has(folder: &Path, part: Part) -> bool {
    let usable = |name: &str| {
        let path = folder.join(name);
        if name.ends_with(".yaml") {
            path.is_file()
        } else {
            command::is_program(&path)
        }
    };
    part.files().all(usable)
}

fn folder() -> String {
    format!("kubernetes-{KUBERNETES}-{}", fingerprint())
}

fn cache() -> Result<PathBuf, ClusterError> {
    options::cache().ok_or_else(|| ClusterError::Option {
        what: "HOME".to_owned(),
        why: "the cluster's programs are kept in the user's cache: set HOME or XDG_CACHE_HOME",
    })
}

/// Waits until no other process builds; what it has built is then there.
fn lock(path: &Path, say: fn(&str), cancel: &Cancel) -> Result<File, ClusterError> {
    let file = File::create(path).map_err(ClusterError::file("create", path))?;
    let mut told = false;
    cancel.within(OTHER_BUILD, "another process has built the programs", || {
        match file.try_lock() {
            Ok(()) => Ok(Some(())),
            Err(TryLockError::WouldBlock) => {
                if !told {
                    say("another process is building the programs: waiting for it");
                    told = true;
                }
                Ok(None)
            }
            Err(TryLockError::Error(source)) => Err(ClusterError::file("lock", path)(source)),
        }
    })?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_half_a_part_does_not_have_it() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!has(dir.path(), Part::Core));
        for name in Part::Core.files() {
            fs::copy("/bin/sh", dir.path().join(name)).unwrap();
        }
        assert!(has(dir.path(), Part::Core));
        fs::remove_file(dir.path().join("etcd")).unwrap();
        assert!(!has(dir.path(), Part::Core));
    }

    #[test]
    fn the_second_lock_waits_for_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let cancel = Cancel::default();
        let first = lock(&path, |_| {}, &cancel).unwrap();
        let other = std::thread::spawn({
            let path = path.clone();
            move || lock(&path, |_| {}, &Cancel::default()).map(drop)
        });
        assert!(!other.is_finished());
        drop(first);
        other.join().unwrap().unwrap();
    }
}
