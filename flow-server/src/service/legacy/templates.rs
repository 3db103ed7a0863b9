//! Templates in `/api/v1`.

use flow_api::legacy::{LegacyTime, RetCode, TemplateView, TemplatesView};
use flow_domain::{ErrorCode, Name, Template, TemplateSpec, validate};

use super::{
    Denied, PageNumber, TRIES,
    document::{TemplateBody, Written, text},
    hyper, literal,
};
use crate::{
    service::{Refusal, Services},
    store::StoreError,
};

/// The framework of every template that is made here.
const FRAMEWORK: &str = "iflearner";

/// What a template's body comes to; of one that is imported `id` is its former id.
pub(crate) fn spec(body: &TemplateBody, id: Option<String>) -> Result<TemplateSpec, Denied> {
    let blank = TemplateSpec {
        name: name(&body.name, RetCode::TemplateNameEmpty)?,
        framework: FRAMEWORK.to_owned(),
        profile: None,
        image: None,
        workdir: None,
        resources: Default::default(),
        command: Vec::new(),
        commands: Default::default(),
        hyperparameters: Default::default(),
        policies: Default::default(),
        launcher: true,
        remark: String::new(),
        annotations: Default::default(),
    };
    over(blank, body, id)
}

/// A template's body over what there was: what this API knows nothing of stays.
fn over(before: TemplateSpec, body: &TemplateBody, id: Option<String>) -> Result<TemplateSpec, Denied> {
    let name = name(&body.name, RetCode::TemplateNameEmpty)?;
    if body.image_url.is_empty() || body.image_url.chars().count() > 255 {
        return Err(Denied::invalid("image_url: from 1 to 255 characters"));
    }
    let command = body.command.as_deref().unwrap_or_default();
    let mut spec = TemplateSpec {
        name,
        image: Some(body.image_url.clone()),
        workdir: body.workdir.clone().filter(|workdir| !workdir.is_empty()),
        command: command.iter().map(|element| literal::of_text(element)).collect(),
        hyperparameters: hyper::parse(body.hyper_parameter.as_deref().unwrap_or_default())?,
        remark: body.remark.clone().unwrap_or_default(),
        ..before
    };
    let written = Written {
        id,
        remark: body.remark.clone(),
        workdir: body.workdir.clone(),
        command: body.command.clone(),
        hyper_parameter: body.hyper_parameter.clone(),
        ..Written::default()
    };
    written.keep(&mut spec.annotations);
    validate::unfinished_template(&spec).map_err(|violations| Denied::invalid(violations.to_string()))?;
    Ok(spec)
}

/// A name, with the code of its own for an empty one.
pub(super) fn name(text: &str, empty: RetCode) -> Result<Name, Denied> {
    if text.is_empty() {
        return Err(Denied::plain(empty));
    }
    text.parse().map_err(|error| Denied::invalid(format!("name: {error}")))
}

/// The id as clients see it.
pub(super) fn shown_id(template: &Template) -> String {
    let former = Written::read(&template.spec.annotations).and_then(|written| written.id);
    former
        .or_else(|| template.id.short())
        .unwrap_or_else(|| template.id.to_string())
}

/// A template as clients see it.
pub(super) fn view(template: &Template) -> TemplateView {
    let spec = &template.spec;
    let written = Written::read(&spec.annotations);
    let written = written.as_ref();
    let command: Vec<String> = spec.command.iter().map(|element| literal::text(element)).collect();
    let as_written = written.map(|written| written.command.clone());
    let command = match as_written {
        Some(before) if before.as_deref().unwrap_or_default() == command => before,
        _ => Some(command),
    };
    let listed = written.map(|written| written.hyper_parameter.clone());
    let hyper_parameter = match listed {
        Some(before)
            if hyper::parse(before.as_deref().unwrap_or_default()).is_ok_and(|said| said == spec.hyperparameters) =>
        {
            before
        }
        _ => Some(hyper::list(&spec.hyperparameters)),
    };
    TemplateView {
        template_id: shown_id(template),
        name: spec.name.to_string(),
        remark: text(written, |written| written.remark.clone(), &spec.remark),
        image_url: spec.image.clone(),
        workdir: text(
            written,
            |written| written.workdir.clone(),
            spec.workdir.as_deref().unwrap_or_default(),
        ),
        command,
        hyper_parameter,
        create_time: LegacyTime(template.created_at),
        modify_time: LegacyTime(template.modified_at),
    }
}

/// What the services say about a template.
fn denied(refusal: Refusal) -> Denied {
    Denied::of(refusal, RetCode::TemplateNotFound, RetCode::TemplateNameTaken)
}

impl Services {
    /// Makes a template; answers its id.
    ///
    /// # Errors
    /// If it is not right, or its name is taken.
    pub async fn legacy_create_template(&self, body: &TemplateBody) -> Result<String, Denied> {
        let template = self.make_template(spec(body, None)?, None).await.map_err(denied)?;
        Ok(shown_id(&template))
    }

    /// Shows a template.
    ///
    /// # Errors
    /// If there is none of that id.
    pub async fn legacy_show_template(&self, id: &str) -> Result<TemplateView, Denied> {
        Ok(view(&self.legacy_template(id).await?))
    }

    /// A page of templates, newest first.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn legacy_templates(&self, page: PageNumber) -> Result<TemplatesView, Denied> {
        let found = self.store.template_page(page.window()).await?;
        Ok(TemplatesView {
            templates: found.items.iter().map(view).collect(),
            template_count: found.total,
        })
    }

    /// Changes a template.
    ///
    /// # Errors
    /// If there is none of that id, it is not right, or its name is taken.
    pub async fn legacy_change_template(&self, id: &str, body: &TemplateBody) -> Result<(), Denied> {
        let mut tries = 0;
        loop {
            let template = self.legacy_template(id).await?;
            let former = Written::read(&template.spec.annotations).and_then(|written| written.id);
            let spec = over(template.spec.clone(), body, former)?;
            match self.put_template(template, spec).await {
                Err(refusal) if refusal.code == ErrorCode::Stale && tries < TRIES => tries += 1,
                done => return done.map(drop).map_err(denied),
            }
        }
    }

    /// Deletes a template that no task uses.
    ///
    /// # Errors
    /// If there is none of that id, or a task uses it.
    pub async fn legacy_delete_template(&self, id: &str) -> Result<(), Denied> {
        let template = self.legacy_template(id).await?;
        match self.store.delete_template(&template).await {
            Ok(()) => Ok(()),
            Err(StoreError::InUse(user)) => Err(Denied::invalid(format!(
                "the template is in use by {user}: delete that first"
            ))),
            Err(error) => Err(denied(error.into())),
        }
    }
}
