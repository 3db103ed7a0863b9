//! Logs, line by line as they come.

use std::convert::Infallible;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use flow_api::{LogLineView, NDJSON};
use futures::{Stream, StreamExt};

/// Answers with lines: text, or one JSON object a line where the request's `Accept` has `application/x-ndjson`.
pub fn log_lines(request: &HeaderMap, lines: impl Stream<Item = LogLineView> + Send + 'static) -> Response {
    let accepted = request.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let json = accepted.is_some_and(|accept| accept.contains(NDJSON));
    let lines = lines.map(move |line| Ok::<_, Infallible>(written(&line, json)));
    let kind = if json { NDJSON } else { "text/plain; charset=utf-8" };
    ([(header::CONTENT_TYPE, kind)], Body::from_stream(lines)).into_response()
}

fn written(line: &LogLineView, json: bool) -> Bytes {
    let mut text = if json {
        serde_json::to_string(line).unwrap_or_default()
    } else {
        format!("{} {} {} {}", line.at, line.party, line.role, line.text)
    };
    text.push('\n');
    text.into()
}
