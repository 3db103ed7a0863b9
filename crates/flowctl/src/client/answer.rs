//! Reads answers, and problems into what is told.

use std::time::Duration;

use flow_api::{PROBLEM_JSON, Problem};
use flow_domain::ErrorCode;
use reqwest::{Response, StatusCode, header};
use serde::de::DeserializeOwned;

use crate::Failure;

/// No answer of the API is larger.
const LARGEST: usize = 16 << 20;

/// Lets an answer pass, or reads why the server refused.
pub(super) async fn check(mut response: Response) -> Result<Response, Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = response
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    let is_problem = media_type(&response).is_some_and(|media| media == PROBLEM_JSON);
    let body = body(&mut response).await?;
    let problem = is_problem
        .then(|| serde_json::from_slice::<Problem>(&body).ok())
        .flatten();
    let failure = match problem {
        Some(problem) => told(problem),
        None => foreign(status, &body),
    };
    Err(failure.with(|told| told.retry_after = retry_after))
}

/// Reads an answer.
pub(super) async fn read<T: DeserializeOwned>(mut response: Response) -> Result<T, Failure> {
    let body = body(&mut response).await?;
    serde_json::from_slice(&body).map_err(|error| {
        Failure::internal("the server's answer is not what this version of flowctl understands")
            .because(error)
            .hint("compare 'flowctl --version' with the server's version")
    })
}

async fn body(response: &mut Response) -> Result<Vec<u8>, Failure> {
    let broke = |error: reqwest::Error| {
        Failure::new(
            ErrorCode::Unavailable,
            "the connection broke in the middle of the answer",
        )
        .because(error.without_url())
    };
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broke)? {
        if body.len() + chunk.len() > LARGEST {
            return Err(Failure::internal(format!(
                "the server's answer is larger than {LARGEST} bytes"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn media_type(response: &Response) -> Option<String> {
    let value = response.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    let media = value.split(';').next().unwrap_or(value);
    Some(media.trim().to_ascii_lowercase())
}

fn told(problem: Problem) -> Failure {
    let violations = problem.violations.iter();
    // The detail may be all violations in one line: they are told one a line.
    let message = match problem.violations.len() {
        0 => problem.detail.clone(),
        1 => "what was sent breaks a rule".to_owned(),
        several => format!("what was sent breaks {several} rules"),
    };
    let details = violations.map(|violation| match violation.field.as_str() {
        "" => violation.problem.clone(),
        field => format!("{field}: {}", violation.problem),
    });
    let request = problem
        .request_id
        .as_ref()
        .filter(|_| problem.code == ErrorCode::Internal);
    let failure = Failure::new(problem.code, message).details(details);
    match request {
        Some(request) => failure.hint(format!("look for request {request} in the server's log")),
        None => failure,
    }
}

/// An answer by something that is not flow-server, such as a proxy in between.
fn foreign(status: StatusCode, body: &[u8]) -> Failure {
    let code = match status.as_u16() {
        404 => ErrorCode::NotFound,
        408 => ErrorCode::Timeout,
        502 => ErrorCode::Unavailable,
        other => {
            let known = ErrorCode::ALL.iter().find(|code| code.http() == other).copied();
            known.unwrap_or(if status.is_client_error() {
                ErrorCode::Invalid
            } else {
                ErrorCode::Internal
            })
        }
    };
    let text: String = String::from_utf8_lossy(body).trim().chars().take(200).collect();
    let text = text.replace('\n', " ");
    let said = if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    };
    Failure::new(code, format!("the server answered {status}{said}"))
        .hint("check with --server that this is the address of a flow-server")
}
