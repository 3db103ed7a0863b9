//! What the end of a job means: state, reason and a message that says what its log said last.

use std::sync::Arc;

use flow_domain::{AssignmentSpec, AssignmentState, Desired, Reason, Timestamp};
use flow_launcher::{Exit, Key, Launcher, LogQuery, Stream};
use futures::StreamExt;

use crate::board::Status;

/// How many of the last lines are looked at, and how long the quoted one may be.
const LAST_LINES: usize = 20;
const MAX_QUOTE: usize = 300;

/// Fills in how a job ended.
pub(crate) async fn describe(
    status: &mut Status,
    exit: &Exit,
    spec: &AssignmentSpec,
    desired: Desired,
    launcher: &Arc<dyn Launcher>,
    key: &Key,
) {
    status.exited_at = Some(Timestamp(exit.ended_at));
    status.exit_code = exit.code;
    status.ready = false;
    let (state, reason, message) = verdict(exit, spec, desired);
    (status.state, status.reason) = (state, reason);
    let quote = match state {
        AssignmentState::Failed => last_words(launcher, key).await,
        _ => None,
    };
    status.message = match quote {
        Some(quote) => format!("{message}: {quote}"),
        None => message,
    };
}

fn verdict(exit: &Exit, spec: &AssignmentSpec, desired: Desired) -> (AssignmentState, Reason, String) {
    let note = exit
        .message
        .as_ref()
        .map_or_else(String::new, |message| format!(" ({message})"));
    if exit.stopped {
        return match desired {
            Desired::Stop => (
                AssignmentState::Stopped,
                Reason::StoppedOnRequest,
                format!("stopped on request{note}"),
            ),
            // Somebody else stopped it: the machine shuts down, or an administrator.
            _ => (
                AssignmentState::Failed,
                Reason::ProcessKilled,
                format!("stopped from outside{note}"),
            ),
        };
    }
    if let Some(reason) = &exit.reason {
        let reason = known(reason);
        let detail = exit.message.as_deref().unwrap_or(reason.meaning());
        return (AssignmentState::Failed, reason, detail.to_owned());
    }
    match (exit.code, exit.signal) {
        (Some(127), _) if exit.message.is_some() => (
            AssignmentState::Failed,
            Reason::ProgramNotFound,
            format!("the program could not be run{note}"),
        ),
        (Some(code), _) => match spec.exit_reason(code) {
            Reason::ProcessSucceeded => (
                AssignmentState::Succeeded,
                Reason::ProcessSucceeded,
                format!("exit code {code}{note}"),
            ),
            reason => (AssignmentState::Failed, reason, format!("exit code {code}{note}")),
        },
        (None, Some(signal)) => (
            AssignmentState::Failed,
            Reason::ProcessKilled,
            format!("killed by signal {signal}{note}"),
        ),
        (None, None) => (
            AssignmentState::Failed,
            Reason::AgentError,
            format!("ended in an unknown way{note}"),
        ),
    }
}

/// A reason of Kubernetes or of the operator, as the platform has it.
pub(crate) fn known(reason: &str) -> Reason {
    match reason {
        "Creating" | "ContainerCreating" | "Suspended" => Reason::ContainerCreating,
        "Running" => Reason::ProcessRunning,
        "Succeeded" => Reason::ProcessSucceeded,
        "InvalidSpec" => Reason::SpecInvalid,
        "Stopped" => Reason::StoppedOnRequest,
        "RetryBackoff" => Reason::RetryBackoff,
        "DeadlineExceeded" => Reason::RunDeadlineExceeded,
        other => other.parse().unwrap_or(Reason::AgentError),
    }
}

/// The last line that says something, errors first.
async fn last_words(launcher: &Arc<dyn Launcher>, key: &Key) -> Option<String> {
    let query = LogQuery {
        tail: Some(LAST_LINES),
        follow: false,
        max_bytes: Some(64 << 10),
        ..LogQuery::default()
    };
    let mut lines = launcher.logs(key, query);
    let (mut out, mut err) = (None, None);
    while let Some(Ok(line)) = lines.next().await {
        let text = line.text.trim();
        if text.is_empty() {
            continue;
        }
        let text: String = text.chars().take(MAX_QUOTE).collect();
        match line.stream {
            Stream::Stdout => out = Some(text),
            Stream::Stderr => err = Some(text),
        }
    }
    err.or(out)
}

#[cfg(test)]
mod tests {
    use flow_launcher::kubernetes::JobReason;

    use super::*;

    #[test]
    fn every_reason_of_the_operator_is_one_of_the_platform() {
        for reason in JobReason::ALL {
            assert_ne!(known(reason.as_str()), Reason::AgentError, "{reason}");
        }
        assert_eq!(known("OperatorSilent"), Reason::OperatorSilent);
        assert_eq!(known("SomethingNew"), Reason::AgentError);
    }
}
