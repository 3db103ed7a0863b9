//! What handlers take from a path and a query.

use axum::{
    extract::{FromRequestParts, Path, Query},
    http::request::Parts,
};
use flow_domain::ErrorCode;
use serde::de::DeserializeOwned;

use crate::Failure;

/// Query parameters.
#[derive(Debug, Clone)]
pub struct Params<T>(pub T);

/// One part of the path, such as an id.
#[derive(Debug, Clone)]
pub struct Part<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Query(query) = Query::from_request_parts(parts, state).await.map_err(|error| {
            let detail = format!("the query is not right: {}", error.body_text());
            Failure::new(ErrorCode::Invalid, detail)
        })?;
        Ok(Self(query))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Part<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Path(part) = Path::from_request_parts(parts, state).await.map_err(|error| {
            let detail = format!("the path is not right: {}", error.body_text());
            Failure::new(ErrorCode::Invalid, detail)
        })?;
        Ok(Self(part))
    }
}
