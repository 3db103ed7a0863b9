//! Why a run or an assignment is in the state it is in: a closed list, each with its next step.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident => $hint:literal,)+) => {
        /// The cause of a state. New ones are added here, with a hint, or not at all.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        pub enum Reason { $($(#[doc = $doc])+ $name,)+ }

        impl Reason {
            /// Every reason there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The reason as it is written in the API and the database.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// Whether it keeps a member from starting until somebody does something about it.
            pub fn is_obstacle(self) -> bool {
                matches!(
                    self,
                    Self::OperatorSilent
                        | Self::KubernetesUnavailable
                        | Self::ObjectConflict
                        | Self::QuotaExceeded
                        | Self::AdmissionDenied
                        | Self::ApplyFailed
                        | Self::Unschedulable
                        | Self::ImagePullBackOff
                        | Self::ErrImageNeverPull
                        | Self::InvalidImageName
                        | Self::CreateContainerConfigError
                        | Self::CreateContainerError
                        | Self::VolumeMountFailed
                        | Self::CrashLoopBackOff
                )
            }

            /// Whether it keeps a member from being prepared until others have given back what they hold.
            pub fn is_shortage(self) -> bool {
                matches!(self, Self::CapacityExceeded | Self::PortsExhausted)
            }

            /// Whether a member with it waits for its container image.
            pub fn is_pulling(self) -> bool {
                matches!(self, Self::ContainerCreating | Self::ImagePullBackOff | Self::ErrImageNeverPull)
            }

            /// What it means, as one sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// What to do next; empty where there is nothing to do.
            pub fn hint(self) -> &'static str {
                match self { $(Self::$name => $hint,)+ }
            }
        }
    };
}

reasons! {
    /// The run was accepted and has not been planned yet.
    Submitted => "",
    /// The run was accepted, and somebody has to approve it.
    WaitingForApproval => "look at the task, then approve the run or reject it",
    /// The run was approved and has not been planned yet.
    Approved => "",
    /// A party of the run has no agent attached.
    WaitingForParty => "start the agent of the party that is named, or cancel the run",
    /// A party of the run, or its site, has no room for it now.
    WaitingForCapacity => "wait for other runs to end, or have the party that is named offer more under agent.capacity",
    /// There would be room, but it is kept for runs that have waited for longer.
    WaitingForOthers => "",
    /// It is settled which parties take part.
    PartiesChosen => "",
    /// The next attempt waits for its back-off to end.
    RetryBackoff => "",
    /// Every participant checks its policy, data set, program and ports.
    PreparingParties => "",
    /// The role that others depend on is started and not ready yet.
    WaitingForReady => "",
    /// The members run, and not all of them have registered yet.
    WaitingForRegistration => "",
    /// A member of the gang is being replaced.
    MemberRestarting => "",
    /// All members run.
    Training => "",
    /// What is left of the gang is being stopped.
    StoppingRest => "",
    /// The framework's completion rule was met.
    Completed => "",
    /// The assignment waits for its turn in the start order.
    WaitingForTurn => "",
    /// The agent has been told and has not answered yet.
    WaitingForAgent => "",
    /// The process runs.
    ProcessRunning => "",
    /// The process ended with a code that means success.
    ProcessSucceeded => "",
    /// The process was stopped because the platform asked for it.
    StoppedOnRequest => "",
    /// A user cancelled the run.
    CancelledByUser => "",
    /// Whoever had to approve the run rejected it.
    ApprovalDenied => "the message says who it was and why; change the task and start it again",
    /// Nobody approved the run within its approve deadline.
    ApproveDeadlineExceeded => "ask those who approve runs, and start it again; raise policies.deadlines.approve if they need longer",
    /// The run waited in the queue for longer than its queue deadline.
    QueueDeadlineExceeded => "see what it waited for in the message; raise policies.deadlines.queue if that is to be expected",
    /// Not every participant was prepared within the prepare deadline.
    PrepareDeadlineExceeded => "look at the assignments that are still Pending; raise policies.deadlines.prepare if they only need longer",
    /// A member's container image was not there within the pull deadline.
    PullDeadlineExceeded => "look at the member that is named: its image is large or its registry slow; raise policies.deadlines.pull if it only needs longer",
    /// Not every member was up and ready within the start deadline.
    StartDeadlineExceeded => "read the log of the member that is named: it was asked to start and did not become ready",
    /// Not every member had registered within the register deadline.
    RegisterDeadlineExceeded => "read the log of the member that is named: it runs, and did not reach the aggregation server",
    /// The run took longer than its run deadline.
    RunDeadlineExceeded => "raise policies.deadlines.run, or train for fewer rounds",
    /// The assignment did not end within the stop deadline.
    StopDeadlineExceeded => "check the agent of that party: it was asked to stop the job and did not report that it did",
    /// No member made progress for as long as the stall rule allows.
    Stalled => "read the logs: a member hangs without ending; raise policies.deadlines.stall if a round takes longer than that",
    /// The process ended with a code that means failure.
    ProcessFailed => "read the last lines of its log",
    /// The process was ended by a signal that the platform did not send.
    ProcessKilled => "signal 9 is often the kernel's out-of-memory killer or an administrator; check the machine's memory and its kernel log",
    /// The training program raised an error that nothing caught.
    TrainingError => "the traceback is in the last lines of the log",
    /// An error ended a background thread of the training program: mostly the connection to the other side.
    ThreadError => "the other side went away or could not be reached; look at the member that ended first",
    /// A port that the program needs is taken by another program.
    PortTaken => "free the port, or move the agent's port range",
    /// The program could not be started.
    ProgramNotFound => "map the program's name to a path in the agent's process.programs",
    /// No agent of the party was attached for longer than the offline deadline.
    PartyOffline => "bring the party's agent back; raise policies.deadlines.offline if it is often away for that long",
    /// The process that watches over the job was killed, and the job was ended with it.
    SupervisorLost => "something on the party's machine killed the supervisor; check its kernel log",
    /// The party has no such data set.
    DatasetUnknown => "ask the party for its data set names, or have it add one under datasets",
    /// The party has no application folder for the template's workdir.
    WorkdirUnknown => "have the party map the workdir under process.workdirs",
    /// The party's policy does not allow this assignment.
    PolicyRefused => "ask the party to change its policy, or change the task",
    /// The party runs as many assignments as it allows.
    CapacityExceeded => "wait for other runs to end, or have the party raise its limit",
    /// The party has no free port left in its range.
    PortsExhausted => "widen the agent's range from process.first_port to process.last_port, below 32768",
    /// What the server sent cannot be carried out by this agent.
    SpecInvalid => "compare the versions of agent and server; the message names the part",
    /// The template names no container image, and the party has none to put in its place.
    ImageMissing => "give the template an image, or have the party set agent.kubernetes.image",
    /// The IflearnerJob is there, and the operator has not taken it up.
    OperatorSilent => "check that the operator runs at that party and watches the agent's namespace: kubectl get pods -A | grep flow-operator",
    /// The party's Kubernetes API server cannot be reached.
    KubernetesUnavailable => "check the party's API server and the agent's access to it; running pods are not touched by this",
    /// The IflearnerJob, or what was reserved on the machine, was removed by somebody at the party.
    JobRemoved => "ask the party who removed it; start the run again",
    /// The pod is on a node, and its containers are being made.
    ContainerCreating => "",
    /// An object that the job needs belongs to somebody else.
    ObjectConflict => "delete or rename the object that is named, in the party's namespace",
    /// A quota of the party's namespace is used up.
    QuotaExceeded => "wait for other jobs to end, or have the party raise the ResourceQuota",
    /// An admission rule of the party's cluster refuses the job's objects.
    AdmissionDenied => "the message has the rule's own words: change the template or agent.kubernetes to satisfy it",
    /// The party's API server refuses the job's objects.
    ApplyFailed => "the message has the API server's own words",
    /// No node of the party's cluster can take the pod.
    Unschedulable => "the message has the scheduler's own words: lower the template's resources, or have the party add or free nodes",
    /// The container image cannot be pulled.
    ImagePullBackOff => "check the image's name and tag, and the party's agent.kubernetes.image_pull_secrets",
    /// The container image may not be pulled, and the node does not have it.
    ErrImageNeverPull => "load the image onto the party's nodes, or set agent.kubernetes.image_pull_policy",
    /// The container image's name is none.
    InvalidImageName => "correct the template's image",
    /// A ConfigMap, Secret or key that the container needs is missing, or the image wants a user that is not allowed.
    CreateContainerConfigError => "the message names what is missing: create it in the party's namespace (docs/operations.md)",
    /// The container cannot be made or started.
    CreateContainerError => "the message has the container runtime's own words; mostly the program is not in the image",
    /// A volume of the pod cannot be mounted.
    VolumeMountFailed => "the message has the kubelet's own words: check the data set's volume, and the ConfigMaps with certificates",
    /// The process ends again and again.
    CrashLoopBackOff => "read the last lines of its log",
    /// The process used more memory than it may, and the kernel killed it.
    OOMKilled => "raise resources.memory of the template, or train with smaller batches",
    /// The node gave the pod up, mostly because it ran out of memory or disk.
    Evicted => "the message says what the node ran out of; ask the party for room",
    /// The pod gave its place to one of higher priority.
    Preempted => "have the party give its jobs a priority class",
    /// The node that the pod was on does not answer any more.
    NodeLost => "ask the party to look after the node",
    /// Somebody deleted the pod while it ran.
    PodDeleted => "ask the party who deleted it: the job's events name the time",
    /// The agent could not do its own part of the work.
    AgentError => "read the agent's log",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no reason of this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no reason that this version knows")]
pub struct UnknownReason(pub String);

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .find(|reason| reason.as_str() == text)
            .copied()
            .ok_or_else(|| UnknownReason(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_reads_back_and_has_a_meaning() {
        for reason in Reason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(*reason));
            assert!(reason.meaning().ends_with('.'), "{reason}");
        }
    }
}
