//! Why a pod is where it is, in one reason and the words of whoever knows: kubelet, scheduler, kernel.

use flow_operator_api::JobReason;
use k8s_openapi::{
    api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod, PodCondition, PodStatus},
    jiff::{SignedDuration, Timestamp},
};

/// After this time a container that is still being made is looked into.
const CREATING: SignedDuration = SignedDuration::from_secs(20);

/// A reason and its explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) reason: JobReason,
    pub(crate) message: String,
}

impl Finding {
    pub(crate) fn new(reason: JobReason, message: impl Into<String>) -> Self {
        let message = message.into();
        let said = if message.is_empty() {
            reason.meaning().to_owned()
        } else {
            message
        };
        Self {
            reason,
            message: crate::api_error::clip(&said),
        }
    }

    /// The reason with its meaning as the explanation.
    pub(crate) fn plain(reason: JobReason) -> Self {
        Self::new(reason, "")
    }
}

/// What an unfinished pod waits for or does. `mount` is what the kubelet's events say of its volumes.
pub(crate) fn waiting(pod: &Pod, mount: Option<&str>) -> Finding {
    let empty = PodStatus::default();
    let status = pod.status.as_ref().unwrap_or(&empty);
    if pod.metadata.deletion_timestamp.is_some() {
        let disruption = disruption(status);
        return disruption.unwrap_or_else(|| Finding::new(JobReason::PodDeleted, "the pod is being deleted"));
    }
    let placed = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
    let unscheduled = condition(status, "PodScheduled").filter(|condition| condition.status == "False");
    if let Some(unscheduled) = unscheduled.filter(|_| !placed) {
        return Finding::new(JobReason::Unschedulable, said(unscheduled));
    }
    if let Some(finding) = containers(status).find_map(container_trouble) {
        return finding;
    }
    if status.phase.as_deref() == Some("Running") {
        return Finding::plain(JobReason::Running);
    }
    if status.phase.as_deref() == Some("Unknown") {
        return Finding::new(JobReason::NodeLost, status.message.clone().unwrap_or_default());
    }
    if let Some(message) = mount {
        return Finding::new(JobReason::VolumeMountFailed, message);
    }
    if placed || containers(status).next().is_some() {
        return Finding::plain(JobReason::ContainerCreating);
    }
    Finding::new(JobReason::Creating, "the pod waits for a node")
}

/// Whether the pod's containers are in the making for so long that its events should be read.
pub(crate) fn stuck(pod: &Pod, now: Timestamp) -> bool {
    let since = pod.status.as_ref().and_then(|status| status.start_time.as_ref());
    let old = since.is_some_and(|since| now.duration_since(since.0) >= CREATING);
    old && pod.metadata.deletion_timestamp.is_none() && waiting(pod, None).reason == JobReason::ContainerCreating
}

/// Why a failed pod has failed.
pub(crate) fn failure(pod: &Pod) -> Finding {
    let empty = PodStatus::default();
    let status = pod.status.as_ref().unwrap_or(&empty);
    let message = status.message.clone().unwrap_or_default();
    let named = match status.reason.as_deref() {
        Some("Evicted") => Some(JobReason::Evicted),
        Some("Preempting") => Some(JobReason::Preempted),
        Some("NodeLost" | "NodeShutdown" | "Shutdown" | "Terminated") => Some(JobReason::NodeLost),
        Some("DeadlineExceeded") => Some(JobReason::DeadlineExceeded),
        // The kubelet's own admission: the node has not what the scheduler thought.
        Some(reason) if reason.starts_with("Outof") || reason.starts_with("OutOf") => Some(JobReason::Unschedulable),
        Some("NodeAffinity" | "UnexpectedAdmissionError" | "TopologyAffinityError") => Some(JobReason::Unschedulable),
        _ => None,
    };
    if let Some(reason) = named {
        return Finding::new(reason, message);
    }
    if let Some(finding) = disruption(status) {
        return finding;
    }
    let ended = containers(status).filter_map(|container| Some((container, terminated(container)?)));
    let failed = ended.filter(|(_, end)| end.exit_code != 0);
    // The first to end is the cause; the others were stopped because of it.
    let first = failed.min_by_key(|(_, end)| end.finished_at.as_ref().map(|time| time.0));
    if pod.metadata.deletion_timestamp.is_some() {
        return Finding::new(JobReason::PodDeleted, "the pod was deleted while it ran");
    }
    match first {
        Some((container, end)) => container_failure(&container.name, end),
        None => Finding::new(JobReason::ProcessFailed, message),
    }
}

/// When the last container of a finished pod ended, where that is known.
pub(crate) fn finished_at(pod: &Pod) -> Option<Timestamp> {
    let status = pod.status.as_ref()?;
    containers(status)
        .filter_map(|container| terminated(container)?.finished_at.as_ref().map(|time| time.0))
        .max()
}

/// Why somebody other than the pod itself wanted it gone.
pub(crate) fn disruption(status: &PodStatus) -> Option<Finding> {
    let found = condition(status, "DisruptionTarget").filter(|condition| condition.status == "True")?;
    let reason = match found.reason.as_deref() {
        Some("PreemptionByScheduler") => JobReason::Preempted,
        Some("DeletionByTaintManager" | "DeletionByPodGC") => JobReason::NodeLost,
        _ => JobReason::Evicted,
    };
    Some(Finding::new(reason, said(found)))
}

fn container_trouble(container: &ContainerStatus) -> Option<Finding> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason = match waiting.reason.as_deref()? {
        "ImagePullBackOff"
        | "ErrImagePull"
        | "RegistryUnavailable"
        | "ImageInspectError"
        | "SignatureValidationFailed" => JobReason::ImagePullBackOff,
        "ErrImageNeverPull" => JobReason::ErrImageNeverPull,
        "InvalidImageName" => JobReason::InvalidImageName,
        "CreateContainerConfigError" => JobReason::CreateContainerConfigError,
        "CreateContainerError"
        | "RunContainerError"
        | "PreCreateHookError"
        | "PreStartHookError"
        | "PostStartHookError" => JobReason::CreateContainerError,
        "CrashLoopBackOff" => JobReason::CrashLoopBackOff,
        _ => return None,
    };
    let said = waiting.message.clone().unwrap_or_default();
    let last = container
        .last_state
        .as_ref()
        .and_then(|state| state.terminated.as_ref());
    let message = match last {
        Some(end) if reason == JobReason::CrashLoopBackOff => {
            format!("{}; {said}", container_failure(&container.name, end).message)
        }
        _ if said.is_empty() => String::new(),
        _ => format!("container '{}': {said}", container.name),
    };
    Some(Finding::new(reason, message))
}

fn container_failure(name: &str, end: &ContainerStateTerminated) -> Finding {
    let reason = match end.reason.as_deref() {
        Some("OOMKilled") => JobReason::OOMKilled,
        Some("ContainerStatusUnknown") => JobReason::NodeLost,
        Some("StartError" | "ContainerCannotRun") => JobReason::CreateContainerError,
        _ => JobReason::ProcessFailed,
    };
    let how = match (end.signal, end.exit_code) {
        (Some(signal), _) if signal > 0 => format!("was ended by signal {signal}"),
        (_, 0) => "ended with exit code 0".to_owned(),
        (_, code @ 129..=192) => format!("ended with exit code {code}: by signal {}", code - 128),
        (_, code) => format!("ended with exit code {code}"),
    };
    let why = match reason {
        JobReason::OOMKilled => " as it used more memory than its limit",
        _ => "",
    };
    let said = end.message.as_deref().map_or("", str::trim);
    let message = match said {
        "" => format!("container '{name}' {how}{why}"),
        said => format!("container '{name}' {how}{why}: {said}"),
    };
    Finding::new(reason, message)
}

fn containers(status: &PodStatus) -> impl Iterator<Item = &ContainerStatus> {
    let init = status.init_container_statuses.iter().flatten();
    init.chain(status.container_statuses.iter().flatten())
}

fn terminated(container: &ContainerStatus) -> Option<&ContainerStateTerminated> {
    container.state.as_ref()?.terminated.as_ref()
}

fn condition<'s>(status: &'s PodStatus, name: &str) -> Option<&'s PodCondition> {
    status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == name)
}

fn said(condition: &PodCondition) -> String {
    condition
        .message
        .clone()
        .or_else(|| condition.reason.clone())
        .unwrap_or_default()
}

/// Whether the pod has ended, and cannot run again.
pub(crate) fn is_finished(pod: &Pod) -> bool {
    phase(pod).is_some_and(|phase| phase == "Succeeded" || phase == "Failed")
}

/// The pod's phase.
pub(crate) fn phase(pod: &Pod) -> Option<&str> {
    pod.status.as_ref()?.phase.as_deref()
}
