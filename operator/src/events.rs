//! Events on jobs: trouble, and ends. Not the usual course, which the status tells; at a thousand jobs it would double the writes.

use std::time::Duration;

use flow_operator_api::{IflearnerJobStatus, JobReason};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client,
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// As many wait at most; what comes on top is left out, as the status says it anyway.
const MOST_WAITING: usize = 256;

/// The pause between two: at most ten a second.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes events, and never blocks.
#[derive(Debug, Clone)]
pub(crate) struct Events(mpsc::Sender<(Note, ObjectReference)>);

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    warning: bool,
    reason: JobReason,
    message: String,
}

impl Events {
    /// Publishes events under the name of this replica until the end.
    pub(crate) fn start(client: Client, instance: String, end: CancellationToken) -> (Self, impl Future<Output = ()>) {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        let reporter = Reporter {
            controller: flow_operator_api::OPERATOR.to_owned(),
            instance: Some(instance),
        };
        (Self(sender), publish(Recorder::new(client, reporter), receiver, end))
    }

    pub(crate) fn tell(&self, note: Note, about: ObjectReference) {
        if self.0.try_send((note, about)).is_err() {
            tracing::debug!("an event is left out, as too many wait");
        }
    }
}

async fn publish(recorder: Recorder, mut notes: mpsc::Receiver<(Note, ObjectReference)>, end: CancellationToken) {
    while let Some(Some((note, about))) = end.run_until_cancelled(notes.recv()).await {
        let event = Event {
            type_: if note.warning {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: note.reason.to_string(),
            note: Some(note.message),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        // It counts up the one before, if it is the same again.
        if let Err(error) = recorder.publish(&event, &about).await {
            tracing::debug!(error = flow_daemon::error::chain(&error), "an event cannot be written");
        }
        end.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
    }
}

/// The event of a change of status, if it is worth one.
pub(crate) fn of_change(before: Option<&IflearnerJobStatus>, after: &IflearnerJobStatus) -> Option<Note> {
    let reason: JobReason = after.reason.as_deref()?.parse().ok()?;
    let was = before.and_then(|before| before.reason.as_deref());
    if was == after.reason.as_deref() {
        return None;
    }
    let warning = match reason {
        JobReason::Creating | JobReason::ContainerCreating | JobReason::Running => return None,
        JobReason::Succeeded | JobReason::Stopped | JobReason::Suspended => false,
        _ => true,
    };
    Some(Note {
        warning,
        reason,
        message: after.message.clone().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(reason: JobReason) -> IflearnerJobStatus {
        IflearnerJobStatus {
            reason: Some(reason.to_string()),
            ..IflearnerJobStatus::default()
        }
    }

    #[test]
    fn trouble_and_ends_are_told_once() {
        let told = |before: Option<JobReason>, after| {
            let before = before.map(status);
            of_change(before.as_ref(), &status(after)).map(|note| note.warning)
        };
        assert_eq!(told(None, JobReason::Creating), None);
        assert_eq!(told(Some(JobReason::Creating), JobReason::Running), None);
        assert_eq!(told(None, JobReason::ObjectConflict), Some(true));
        assert_eq!(told(Some(JobReason::ObjectConflict), JobReason::ObjectConflict), None);
        assert_eq!(told(Some(JobReason::Running), JobReason::Succeeded), Some(false));
    }
}
