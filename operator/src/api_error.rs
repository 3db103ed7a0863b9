//! What the API server's refusals mean for a job.

use flow_operator_api::JobReason;

/// Why an object of a job is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Which reason it is.
    pub(crate) reason: JobReason,
    /// What the API server says, with the object's name.
    pub(crate) message: String,
}

impl Problem {
    /// The refusal to write `object`, such as `pod a`.
    pub(crate) fn of(error: &kube::Error, object: &str) -> Self {
        let (reason, said) = match error {
            kube::Error::Api(status) => (refusal(status.code, &status.message), status.message.clone()),
            other => (JobReason::ApplyFailed, flow_daemon::error::chain(other)),
        };
        Self {
            reason,
            message: clip(&format!("cannot make {object}: {said}")),
        }
    }

    /// The name is taken by an object that is not the job's.
    pub(crate) fn conflict(object: &str) -> Self {
        Self {
            reason: JobReason::ObjectConflict,
            message: format!(
                "there is a {object} that does not belong to this job, and is left alone: delete it, or give the job another name"
            ),
        }
    }
}

fn refusal(code: u16, message: &str) -> JobReason {
    match code {
        403 if message.contains("exceeded quota") || message.contains("failed quota") => JobReason::QuotaExceeded,
        // As the authorizer says it: the operator's own rights are missing, or the namespace is about to go.
        403 if message.contains("cannot create resource")
            || message.contains("cannot patch resource")
            || message.contains("is being terminated") =>
        {
            JobReason::ApplyFailed
        }
        403 => JobReason::AdmissionDenied,
        // A webhook may answer any code; its refusals begin alike.
        _ if message.contains("denied the request") => JobReason::AdmissionDenied,
        400 | 422 => JobReason::InvalidSpec,
        _ => JobReason::ApplyFailed,
    }
}

/// Whether the API server's answer has this code.
pub(crate) fn is(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}

/// As much of a text as a status or an event takes: 1 KiB.
pub(crate) fn clip(text: &str) -> String {
    const MOST: usize = 1020;
    if text.len() <= MOST {
        return text.to_owned();
    }
    let mut end = MOST;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart() {
        let cases = [
            (
                403,
                "pods \"a\" is forbidden: exceeded quota: q, requested: pods=1",
                JobReason::QuotaExceeded,
            ),
            (
                403,
                "pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\"",
                JobReason::AdmissionDenied,
            ),
            (
                403,
                "pods is forbidden: User \"u\" cannot create resource \"pods\"",
                JobReason::ApplyFailed,
            ),
            (
                400,
                "admission webhook \"w\" denied the request: no",
                JobReason::AdmissionDenied,
            ),
            (
                422,
                "Pod \"a\" is invalid: spec.containers[0].image: Required value",
                JobReason::InvalidSpec,
            ),
            (500, "etcdserver: request timed out", JobReason::ApplyFailed),
        ];
        for (code, message, reason) in cases {
            assert_eq!(refusal(code, message), reason, "{message}");
        }
    }

    #[test]
    fn long_messages_are_clipped_between_characters() {
        let clipped = clip(&"ü".repeat(1000));
        assert!(clipped.len() <= 1024 && clipped.ends_with("ü…"));
    }
}
