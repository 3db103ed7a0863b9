//! `/templates`.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use flow_api::{Page, Problem, TemplateView};
use flow_domain::{Template, TemplateId, TemplateSpec};
use flow_rest::{Failure, Params, Part};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    App,
    extract::{Body, Creating, IfMatch},
};

/// How many items a page has, and which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Paging {
    /// At most so many; 50 if absent, never more than 500.
    pub(super) limit: Option<u64>,
    /// The `next` of the page before.
    pub(super) cursor: Option<String>,
    /// Only the one of this name.
    pub(super) name: Option<String>,
}

impl Paging {
    pub(super) fn limit(&self) -> u64 {
        page_size(self.limit)
    }

    pub(super) fn cursor<T: std::str::FromStr>(&self) -> Result<Option<T>, Failure> {
        parse_cursor(self.cursor.as_deref())
    }
}

pub(super) fn page_size(asked: Option<u64>) -> u64 {
    asked.unwrap_or(50).clamp(1, 500)
}

pub(super) fn parse_cursor<T: std::str::FromStr>(cursor: Option<&str>) -> Result<Option<T>, Failure> {
    let wrong = |_| Failure::violation("cursor", "send the `next` that you were given");
    cursor.map(|cursor| cursor.parse().map_err(wrong)).transpose()
}

/// A page of what was asked for with one item more than it holds.
pub(super) fn page<T, V: From<T>>(mut items: Vec<T>, limit: u64, id: impl Fn(&T) -> String) -> Json<Page<V>> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(id);
    Json(Page {
        items: items.into_iter().map(V::from).collect(),
        next,
    })
}

pub(super) fn etag(revision: u32) -> (header::HeaderName, String) {
    (header::ETAG, format!("\"{revision}\""))
}

fn one(status: StatusCode, template: Template) -> Response {
    let tag = etag(template.revision);
    (status, [tag], Json(TemplateView::from(template))).into_response()
}

/// Makes a template.
#[utoipa::path(post, path = "/templates", tag = "templates", request_body = TemplateSpec,
    params(("idempotency-key" = Option<String>, Header, description = "a repeated key answers what the first one made")),
    responses((status = 201, body = TemplateView), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn create(State(app): State<App>, new: Creating<TemplateSpec>) -> Result<Response, Failure> {
    let template = app.services.create_template(new.body, new.claim.as_ref()).await?;
    let place = (header::LOCATION, format!("/api/v2/templates/{}", template.id));
    Ok(([place], one(StatusCode::CREATED, template)).into_response())
}

/// Lists templates, newest first.
#[utoipa::path(get, path = "/templates", tag = "templates", params(Paging),
    responses((status = 200, body = Page<TemplateView>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(app): State<App>,
    Params(paging): Params<Paging>,
) -> Result<Json<Page<TemplateView>>, Failure> {
    let (limit, after) = (paging.limit(), paging.cursor::<TemplateId>()?);
    let found = app
        .services
        .store
        .templates(paging.name.as_deref(), after, limit + 1)
        .await;
    let found = found.map_err(crate::service::Refusal::from)?;
    Ok(page(found, limit, |template: &Template| template.id.to_string()))
}

/// Shows a template.
#[utoipa::path(get, path = "/templates/{template}", tag = "templates", params(("template" = String, Path, description = "id or name")),
    responses((status = 200, body = TemplateView), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn get(State(app): State<App>, Part(template): Part<String>) -> Result<Response, Failure> {
    Ok(one(StatusCode::OK, app.services.template(&template).await?))
}

/// Changes a template.
#[utoipa::path(put, path = "/templates/{template}", tag = "templates", request_body = TemplateSpec,
    params(("template" = String, Path, description = "id or name"), ("if-match" = Option<String>, Header, description = "the ETag that it must still have")),
    responses((status = 200, body = TemplateView), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn change(
    State(app): State<App>,
    Part(template): Part<String>,
    IfMatch(expected): IfMatch,
    Body(spec): Body<TemplateSpec>,
) -> Result<Response, Failure> {
    Ok(one(
        StatusCode::OK,
        app.services.change_template(&template, spec, expected).await?,
    ))
}

/// Deletes a template that no task uses.
#[utoipa::path(delete, path = "/templates/{template}", tag = "templates",
    params(("template" = String, Path, description = "id or name"), ("if-match" = Option<String>, Header, description = "the ETag that it must still have")),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn delete(
    State(app): State<App>,
    Part(template): Part<String>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Failure> {
    app.services.delete_template(&template, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
