//! What handlers take: bodies and preconditions, with errors that name the field.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, header, request::Parts},
};
use flow_api::IDEMPOTENCY_KEY;
use flow_domain::{ErrorCode, nearest};
use flow_rest::Failure;
use futures::StreamExt;
use serde::de::DeserializeOwned;

use crate::store::Claim;

/// A JSON body, and the idempotency key that came with it.
pub(crate) struct Creating<T> {
    pub(crate) body: T,
    pub(crate) claim: Option<Claim>,
}

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

/// The revision that the caller expects, from `If-Match`.
pub(crate) struct IfMatch(pub(crate) Option<u32>);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Creating<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let headers = request.headers().clone();
        let place = format!("{} {}", request.method(), request.uri().path());
        let bytes = read(request).await?;
        let claim = claim(&headers, &place, &bytes)?;
        let body = parse(&headers, &bytes)?;
        Ok(Self { body, claim })
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let headers = request.headers().clone();
        let bytes = read(request).await?;
        Ok(Self(parse(&headers, &bytes)?))
    }
}

/// How large a body may be, in bytes; set for every request by the router.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MaxBody(pub(crate) usize);

/// How much of a body that is too large is read and thrown away, in bytes. A connection that is closed on unread data is reset,
/// and the client then often loses the answer that would have told it why.
const DISCARDED: usize = 16 << 20;

/// All of a body, if it is not larger than the limit.
pub(super) async fn read(request: Request) -> Result<Bytes, Failure> {
    let limit = request.extensions().get::<MaxBody>().map_or(0, |limit| limit.0);
    let mut chunks = request.into_body().into_data_stream();
    let (mut body, mut seen) = (Vec::new(), 0usize);
    while let Some(chunk) = chunks.next().await {
        let wrong = |error| Failure::new(ErrorCode::Invalid, format!("the body could not be read: {error}"));
        let chunk = chunk.map_err(wrong)?;
        seen = seen.saturating_add(chunk.len());
        if seen <= limit {
            body.extend_from_slice(&chunk);
        } else if seen > limit.saturating_add(DISCARDED) {
            break;
        }
    }
    if seen > limit {
        let detail = "the body is larger than the limit, rest.max_body";
        return Err(Failure::new(ErrorCode::TooLarge, detail));
    }
    Ok(body.into())
}

fn parse<T: DeserializeOwned>(headers: &HeaderMap, bytes: &[u8]) -> Result<T, Failure> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    // What a web form could send is no JSON, whatever is in it.
    if !bytes.is_empty() && kind != "application/json" {
        return Err(Failure::new(
            ErrorCode::UnsupportedMedia,
            format!("content-type is '{kind}': send application/json"),
        ));
    }
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let parsed = T::deserialize(&mut reader).and_then(|body| reader.end().map(|()| body));
    parsed.map_err(|error| {
        let said = error.to_string();
        let hint = unknown_field(&said);
        match hint {
            Some((field, hint)) => Failure::violation(field, format!("{said}{hint}")),
            None => Failure::new(ErrorCode::Invalid, format!("the body is not right: {said}")),
        }
    })
}

/// The field and a suggestion, from serde's words about a wrong one.
fn unknown_field(said: &str) -> Option<(String, String)> {
    let mut words = said.strip_prefix("unknown field ")?.split('`');
    let (_, field) = (words.next(), words.next()?);
    // What follows are the right ones, each in backquotes.
    let known: Vec<&str> = words.skip(1).step_by(2).collect();
    Some((field.to_owned(), nearest::hint(field, known)))
}

fn claim(headers: &HeaderMap, place: &str, bytes: &[u8]) -> Result<Option<Claim>, Failure> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let key = key.as_bytes();
    if key.is_empty() || key.len() > 255 {
        return Err(Failure::violation(
            IDEMPOTENCY_KEY,
            "use 1 to 255 characters, such as a UUID",
        ));
    }
    Ok(Some(Claim::of(place, key, bytes)))
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let Some(tag) = parts.headers.get(header::IF_MATCH) else {
            return Ok(Self(None));
        };
        let tag = tag.to_str().unwrap_or_default().trim();
        if tag == "*" {
            return Ok(Self(None));
        }
        let revision = tag.trim_matches('"').parse();
        let wrong = |_| Failure::violation("if-match", "send the ETag that you were given, such as \"3\"");
        Ok(Self(Some(revision.map_err(wrong)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::unknown_field;

    #[test]
    fn a_wrong_field_gets_a_suggestion() {
        let said = "unknown field `comand`, expected one of `name`, `command`, `commands` at line 1 column 9";
        let (field, hint) = unknown_field(said).unwrap();
        assert_eq!((field.as_str(), hint.as_str()), ("comand", "; did you mean 'command'?"));
        assert_eq!(unknown_field("missing field `name`"), None);
    }
}
