//! What the machine's processor is called by those who have to know.

use std::env;

use crate::Outcome;

/// A processor that images are built for: always this machine's, as nothing is cross-compiled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Platform {
    /// Rust's name of the target with static libraries.
    pub(super) target: &'static str,
    /// The OCI's and Debian's name of the processor; they are the same for those that are here.
    pub(super) architecture: &'static str,
    /// The processor in the tags of Python's wheels.
    pub(super) wheel: &'static str,
}

impl Platform {
    /// This machine's.
    pub(super) fn this() -> Outcome<Self> {
        match (env::consts::OS, env::consts::ARCH) {
            ("linux", "x86_64") => Ok(Self {
                target: "x86_64-unknown-linux-musl",
                architecture: "amd64",
                wheel: "x86_64",
            }),
            ("linux", "aarch64") => Ok(Self {
                target: "aarch64-unknown-linux-musl",
                architecture: "arm64",
                wheel: "aarch64",
            }),
            (system, processor) => {
                Err(format!("images are built on Linux, on x86_64 or aarch64; this is {system} on {processor}").into())
            }
        }
    }
}
