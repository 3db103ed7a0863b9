//! What requests are read as, and what answers look like: always an envelope.

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use flow_api::legacy::{Envelope, RetCode};
use flow_domain::ErrorCode;
use flow_rest::RETRY_AFTER;
use serde::{Deserialize, de::DeserializeOwned};
use utoipa::IntoParams;

use crate::{
    rest::extract::read,
    service::legacy::{Denied, PageNumber},
};

/// What a handler answers.
pub(super) type Answer<T> = Result<Json<Envelope<T>>, Denied>;

/// An answer with data.
pub(super) fn with<T>(data: T) -> Answer<T> {
    Ok(Json(Envelope::of(data)))
}

/// An answer that it was done.
pub(super) fn done(_: ()) -> Answer<()> {
    Ok(Json(Envelope::done()))
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        match self {
            Self::Said(code, message) => Json(Envelope::refused(code, message)).into_response(),
            Self::Failed(refusal) => {
                let status = StatusCode::from_u16(refusal.code.http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let code = if status.is_server_error() {
                    RetCode::ServerFailed
                } else {
                    RetCode::ParamInvalid
                };
                let mut response = (status, Json(Envelope::refused(code, refusal.detail))).into_response();
                if refusal.code == ErrorCode::Unavailable {
                    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
                }
                response
            }
        }
    }
}

/// A JSON body, whatever it is said to be.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let bytes = whole(request).await?;
        let parsed = serde_json::from_slice(&bytes);
        parsed
            .map(Self)
            .map_err(|error| Denied::invalid(error.to_string()).into_response())
    }
}

/// A JSON body that may be missing, or null.
pub(super) struct Optional<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for Optional<T> {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let bytes = whole(request).await?;
        if bytes.trim_ascii().is_empty() {
            return Ok(Self(T::default()));
        }
        let parsed: Result<Option<T>, _> = serde_json::from_slice(&bytes);
        parsed
            .map(|body| Self(body.unwrap_or_default()))
            .map_err(|error| Denied::invalid(error.to_string()).into_response())
    }
}

async fn whole(request: Request) -> Result<axum::body::Bytes, Response> {
    read(request).await.map_err(|failure| {
        let status = failure.status();
        let message = format!("{}: {}", RetCode::ParamInvalid.message(), failure.detail());
        (status, Json(Envelope::refused(RetCode::ParamInvalid, message))).into_response()
    })
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(default)]
pub(super) struct Paging {
    /// From 1.
    page: u64,
    /// How many to a page, 1000 at most.
    limit: u64,
    /// Of tasks: those in which this party takes part.
    pub(super) federated_id: Option<String>,
}

impl Default for Paging {
    fn default() -> Self {
        Self {
            page: 1,
            limit: 10,
            federated_id: None,
        }
    }
}

impl Paging {
    pub(super) fn number(&self) -> Result<PageNumber, Denied> {
        PageNumber::new(self.page, self.limit)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Paging {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Denied> {
        let read = Query::from_request_parts(parts, state).await;
        let Query(paging) = read.map_err(|error| Denied::invalid(error.body_text()))?;
        Ok(paging)
    }
}

/// The id in the path.
pub(super) struct Id(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Denied> {
        let read = Path::from_request_parts(parts, state).await;
        let Path(id) = read.map_err(|error| Denied::invalid(error.body_text()))?;
        Ok(Self(id))
    }
}

pub(super) async fn nothing_here() -> Response {
    let message = "there is nothing at this path: see /api/v1/doc";
    let answer = Envelope::refused(RetCode::ParamInvalid, message);
    (StatusCode::NOT_FOUND, Json(answer)).into_response()
}

pub(super) async fn not_that_method() -> Response {
    let message = "this path does not take that method: see /api/v1/doc";
    let answer = Envelope::refused(RetCode::ParamInvalid, message);
    (StatusCode::METHOD_NOT_ALLOWED, Json(answer)).into_response()
}
