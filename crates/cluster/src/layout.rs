//! Where things are in a cluster's run directory.

use std::path::{Path, PathBuf};

/// A run directory.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    dir: PathBuf,
}

impl Layout {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Anything in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The administrator's.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.path("kubeconfig")
    }

    /// That of a part.
    pub(crate) fn kubeconfig_of(&self, part: &str) -> PathBuf {
        self.path("pki").join(format!("{part}.kubeconfig"))
    }

    pub(crate) fn log(&self, part: &str) -> PathBuf {
        self.path("log").join(format!("{part}.log"))
    }

    /// Links to the programs in use.
    pub(crate) fn bin(&self) -> PathBuf {
        self.path("bin")
    }

    pub(crate) fn containerd_socket(&self) -> PathBuf {
        self.path("containerd/containerd.sock")
    }
}
