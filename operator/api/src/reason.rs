//! Why a job is in the state it is in: a closed list.

use std::{fmt, str::FromStr};

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// The cause of a job's state, as `status.reason` and events have it. `docs/operations.md` says what to do about each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum JobReason { $($(#[doc = $doc])+ $name,)+ }

        impl JobReason {
            /// Every reason there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// As it is written.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// What it means, as one sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

reasons! {
    /// The objects of the job are being made.
    Creating,
    /// The spec says that there is to be no pod for now.
    Suspended,
    /// The pod is on a node, and its containers are being made.
    ContainerCreating,
    /// The process runs.
    Running,
    /// The process ended with exit code 0.
    Succeeded,
    /// The process ended with another exit code or by a signal.
    ProcessFailed,
    /// The job was stopped on request.
    Stopped,
    /// The next pod waits for its back-off to end.
    RetryBackoff,
    /// The spec cannot be carried out as it is.
    InvalidSpec,
    /// An object of the name that the job needs belongs to somebody else.
    ObjectConflict,
    /// A quota of the namespace is used up.
    QuotaExceeded,
    /// An admission rule of the cluster refuses an object of the job.
    AdmissionDenied,
    /// The API server refuses an object of the job for another reason.
    ApplyFailed,
    /// No node can take the pod.
    Unschedulable,
    /// The image cannot be pulled.
    ImagePullBackOff,
    /// The image may not be pulled, and the node does not have it.
    ErrImageNeverPull,
    /// The image's name is none.
    InvalidImageName,
    /// The container cannot be made: a ConfigMap, Secret or key that it needs is missing, or the image wants a user that is not allowed.
    CreateContainerConfigError,
    /// The container runtime cannot make or start the container.
    CreateContainerError,
    /// A volume of the pod cannot be mounted.
    VolumeMountFailed,
    /// The process ends again and again, and is restarted with growing pauses.
    CrashLoopBackOff,
    /// The process used more memory than its limit, and the kernel killed it.
    OOMKilled,
    /// The node gave the pod up, mostly because it ran out of memory or disk.
    Evicted,
    /// The scheduler took the pod's place for one of higher priority.
    Preempted,
    /// The node does not answer any more.
    NodeLost,
    /// Somebody deleted the pod while it ran.
    PodDeleted,
    /// The job took longer than its activeDeadlineSeconds.
    DeadlineExceeded,
}

impl fmt::Display for JobReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no reason of this version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownJobReason(pub String);

impl fmt::Display for UnknownJobReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is no reason that this version knows", self.0)
    }
}

impl std::error::Error for UnknownJobReason {}

impl FromStr for JobReason {
    type Err = UnknownJobReason;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|reason| reason.as_str() == text);
        found.copied().ok_or_else(|| UnknownJobReason(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_reads_back_and_has_a_meaning() {
        for reason in JobReason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(*reason));
            assert!(reason.meaning().ends_with('.'), "{reason}");
        }
    }
}
