use std::{io, path::PathBuf};

use serde::{Deserialize, Serialize};

/// Why a launcher could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// A key is not made of 1 to 80 of `a-z0-9-`.
    #[error("invalid key {key:?}: use 1 to 80 characters out of a-z, 0-9 and '-'")]
    InvalidKey {
        /// What was given, cut to a sensible length.
        key: String,
    },
    /// The launch can never work as it is.
    #[error("invalid launch: {what}")]
    InvalidLaunch {
        /// What is wrong with it.
        what: String,
    },
    /// The launcher itself is set up wrongly.
    #[error("invalid launcher configuration: {what}")]
    InvalidConfig {
        /// What is wrong with it.
        what: String,
    },
    /// Not enough free ports.
    #[error("no {wanted} free ports between {first} and {last}: release finished assignments or widen the range")]
    PortsExhausted {
        /// How many were asked for.
        wanted: usize,
        /// The first port of the range.
        first: u16,
        /// The last port of the range.
        last: u16,
    },
    /// Another agent holds the port registry for too long.
    #[error("the port registry {path} stays locked by another process: try again")]
    RegistryBusy {
        /// The registry's lock file.
        path: PathBuf,
    },
    /// `argv[0]` names no executable file.
    #[error("program {program:?} was not found: {hint}")]
    ProgramNotFound {
        /// `argv[0]`.
        program: String,
        /// Where was looked, and what to do.
        hint: String,
    },
    /// The application folder cannot be listed.
    #[error("application folder {path} cannot be read: check that it exists and its permissions")]
    WorkdirUnreadable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Start without prepare.
    #[error("assignment {key} is not prepared: prepare it first")]
    NotPrepared {
        /// The assignment.
        key: String,
    },
    /// Prepared before, for other port names.
    #[error("assignment {key} was prepared for other ports: use a new key")]
    PrepareConflict {
        /// The assignment.
        key: String,
    },
    /// A stop was asked for before it was started, so it never will be.
    #[error("assignment {key} was stopped before it was started: use a new key")]
    AlreadyStopped {
        /// The assignment.
        key: String,
    },
    /// Its ports were given back.
    #[error("assignment {key} was released: use a new key")]
    Released {
        /// The assignment.
        key: String,
    },
    /// Purge without release.
    #[error("assignment {key} is not released: release it first")]
    NotReleased {
        /// The assignment.
        key: String,
    },
    /// Something of it still runs.
    #[error("assignment {key} still runs: stop it and wait for its end")]
    StillRunning {
        /// The assignment.
        key: String,
    },
    /// The supervisor's program could not be run.
    #[error("supervisor {program} cannot be run: check the installation")]
    SupervisorUnavailable {
        /// The configured program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The supervisor ran, but did not start the job. To start again is safe.
    #[error("the supervisor of {key} did not start the job: {message}")]
    SupervisorFailed {
        /// The assignment.
        key: String,
        /// What it said.
        message: String,
    },
    /// A state file cannot be understood.
    #[error("state file {path} is damaged: move its folder away to give the assignment up")]
    CorruptState {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The Kubernetes API server does not answer, or cannot.
    #[error("cannot {action}: the Kubernetes API server does not answer; trying again")]
    KubernetesUnavailable {
        /// What was tried.
        action: String,
        /// What happened.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The Kubernetes API server has not answered for some time, or never yet.
    #[error("the Kubernetes API server does not answer: {message}")]
    KubernetesSilent {
        /// Since when, and what happened last.
        message: String,
    },
    /// The Kubernetes API server answered with a refusal.
    #[error("cannot {action}: {message}")]
    KubernetesRefused {
        /// What was tried.
        action: String,
        /// The HTTP status.
        code: u16,
        /// The API server's own words.
        message: String,
    },
    /// Jobs of one task have a name one after the other, and the one before has it still.
    #[error("the IflearnerJob {name} is still that of assignment {holder}: its end is waited for")]
    NameTaken {
        /// The name.
        name: String,
        /// The assignment that has it.
        holder: String,
    },
    /// The file system or the kernel refused.
    #[error("could not {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// [`LaunchError`] without its details, for decisions and for reports to other machines.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(
    missing_docs,
    reason = "each is described at the variant of LaunchError of the same name"
)]
pub enum LaunchErrorKind {
    InvalidKey,
    InvalidLaunch,
    InvalidConfig,
    PortsExhausted,
    RegistryBusy,
    ProgramNotFound,
    WorkdirUnreadable,
    NotPrepared,
    PrepareConflict,
    AlreadyStopped,
    Released,
    NotReleased,
    StillRunning,
    SupervisorUnavailable,
    SupervisorFailed,
    CorruptState,
    KubernetesUnavailable,
    KubernetesSilent,
    KubernetesRefused,
    NameTaken,
    Io,
}

impl LaunchError {
    /// The kind of this error.
    pub fn kind(&self) -> LaunchErrorKind {
        use LaunchErrorKind as Kind;
        match self {
            Self::InvalidKey { .. } => Kind::InvalidKey,
            Self::InvalidLaunch { .. } => Kind::InvalidLaunch,
            Self::InvalidConfig { .. } => Kind::InvalidConfig,
            Self::PortsExhausted { .. } => Kind::PortsExhausted,
            Self::RegistryBusy { .. } => Kind::RegistryBusy,
            Self::ProgramNotFound { .. } => Kind::ProgramNotFound,
            Self::WorkdirUnreadable { .. } => Kind::WorkdirUnreadable,
            Self::NotPrepared { .. } => Kind::NotPrepared,
            Self::PrepareConflict { .. } => Kind::PrepareConflict,
            Self::AlreadyStopped { .. } => Kind::AlreadyStopped,
            Self::Released { .. } => Kind::Released,
            Self::NotReleased { .. } => Kind::NotReleased,
            Self::StillRunning { .. } => Kind::StillRunning,
            Self::SupervisorUnavailable { .. } => Kind::SupervisorUnavailable,
            Self::SupervisorFailed { .. } => Kind::SupervisorFailed,
            Self::CorruptState { .. } => Kind::CorruptState,
            Self::KubernetesUnavailable { .. } => Kind::KubernetesUnavailable,
            Self::KubernetesSilent { .. } => Kind::KubernetesSilent,
            Self::KubernetesRefused { .. } => Kind::KubernetesRefused,
            Self::NameTaken { .. } => Kind::NameTaken,
            Self::Io { .. } => Kind::Io,
        }
    }

    /// Whether the same call may succeed later without anybody changing it.
    pub fn is_retryable(&self) -> bool {
        // What is missing or not allowed may be put right; what is malformed stays so.
        if let Self::KubernetesRefused { code, .. } = self {
            return !matches!(code, 400 | 422);
        }
        matches!(
            self,
            Self::PortsExhausted { .. }
                | Self::RegistryBusy { .. }
                | Self::StillRunning { .. }
                | Self::SupervisorUnavailable { .. }
                | Self::SupervisorFailed { .. }
                | Self::KubernetesUnavailable { .. }
                | Self::KubernetesSilent { .. }
                | Self::NameTaken { .. }
                | Self::Io { .. }
        )
    }

    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
