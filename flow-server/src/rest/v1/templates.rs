//! `/template`.

use axum::extract::State;
use flow_api::legacy::{Envelope, Nothing, TemplateMade, TemplateView, TemplatesView};

use super::{
    App,
    answer::{Answer, Body, Id, Paging, done, with},
};
use crate::service::legacy::TemplateBody;

/// Makes a template.
#[utoipa::path(post, path = "/template", tag = "template", request_body = TemplateBody, responses((status = 200, body = Envelope<TemplateMade>)))]
pub(super) async fn create(State(app): State<App>, Body(body): Body<TemplateBody>) -> Answer<TemplateMade> {
    let template_id = app.services.legacy_create_template(&body).await?;
    with(TemplateMade { template_id })
}

/// Lists templates, newest first.
#[utoipa::path(get, path = "/template", tag = "template", params(Paging), responses((status = 200, body = Envelope<TemplatesView>)))]
pub(super) async fn list(State(app): State<App>, paging: Paging) -> Answer<TemplatesView> {
    with(app.services.legacy_templates(paging.number()?).await?)
}

/// Shows a template.
#[utoipa::path(get, path = "/template/{template_id}", tag = "template", params(("template_id" = String, Path)),
    responses((status = 200, body = Envelope<TemplateView>)))]
pub(super) async fn get(State(app): State<App>, Id(id): Id) -> Answer<TemplateView> {
    with(app.services.legacy_show_template(&id).await?)
}

/// Changes a template.
#[utoipa::path(put, path = "/template/{template_id}", tag = "template", params(("template_id" = String, Path)), request_body = TemplateBody,
    responses((status = 200, body = Envelope<Nothing>)))]
pub(super) async fn change(State(app): State<App>, Id(id): Id, Body(body): Body<TemplateBody>) -> Answer<()> {
    done(app.services.legacy_change_template(&id, &body).await?)
}

/// Deletes a template that no task uses.
#[utoipa::path(delete, path = "/template/{template_id}", tag = "template", params(("template_id" = String, Path)),
    responses((status = 200, body = Envelope<Nothing>)))]
pub(super) async fn delete(State(app): State<App>, Id(id): Id) -> Answer<()> {
    done(app.services.legacy_delete_template(&id).await?)
}
