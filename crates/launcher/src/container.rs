use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::LaunchError;

const MAX_WRITABLE: usize = 32;
/// What a ConfigMap may hold, with room for its own fields.
const MAX_FILES: usize = 900 << 10;

/// What a container needs beside program, arguments and environment.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// The image.
    pub image: String,
    /// What it may take of its node.
    pub resources: Resources,
    /// Data sets.
    pub mounts: Vec<Mount>,
    /// Folders that it writes to: absolute, or relative to its working directory.
    pub writable: Vec<String>,
    /// Files that the agent brings along.
    pub files: Option<Files>,
}

/// What a container may take of its node; what is not given is not limited.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// Processor time, in thousandths of a processor.
    pub cpu_millis: Option<u64>,
    /// Memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// Graphics processors.
    pub gpu: Option<u32>,
}

/// A volume and its place.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// What is mounted.
    pub volume: Volume,
    /// Where in the container.
    pub path: String,
    /// Whether it can only be read.
    pub read_only: bool,
}

/// Where the content of a volume comes from.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Volume {
    /// A folder or file of the node.
    HostPath(PathBuf),
    /// A PersistentVolumeClaim of the namespace.
    Claim {
        /// Its name.
        name: String,
        /// The folder in it; all of it if empty.
        sub_path: String,
    },
    /// An NFS export.
    Nfs {
        /// The server.
        server: String,
        /// The export.
        path: String,
    },
}

/// Files that the agent brings along, by their path below one folder of the container.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The folder in the container.
    pub folder: String,
    /// Text by relative path.
    pub texts: BTreeMap<String, String>,
}

impl Container {
    /// Checks what can be checked without a cluster.
    pub(crate) fn validate(&self) -> Result<(), LaunchError> {
        let invalid = |what: String| Err(LaunchError::InvalidLaunch { what });
        if self.image.is_empty() || self.image.len() > 255 || self.image.chars().any(char::is_whitespace) {
            return invalid(format!("{:?} is no image", self.image));
        }
        let plain = |part: &str| part != "." && part != ".." && !part.contains('\0') && !part.contains(':');
        let sound = |path: &String| !path.is_empty() && path.len() <= 255 && path.split('/').all(plain);
        if self.writable.len() > MAX_WRITABLE || !self.writable.iter().all(sound) {
            return invalid(format!("writable folders must be at most {MAX_WRITABLE}, without '..'"));
        }
        let absolute = |path: &String| path.starts_with('/') && sound(path);
        if !self.mounts.iter().all(|mount| absolute(&mount.path)) {
            return invalid("a mount's path is not absolute".to_owned());
        }
        if let Some(files) = &self.files {
            let size: usize = files.texts.iter().map(|(path, text)| path.len() + text.len()).sum();
            if !absolute(&files.folder) || !files.texts.keys().all(sound) || size > MAX_FILES {
                return invalid(format!("files must be below one folder and {MAX_FILES} bytes at most"));
            }
        }
        Ok(())
    }
}
