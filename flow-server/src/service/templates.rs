//! Making, changing and deleting templates.

use flow_domain::{Template, TemplateId, TemplateSpec, validate};

use super::{Refusal, Services, expect};
use crate::store::{Claim, Created};

impl Services {
    /// Makes a template.
    ///
    /// # Errors
    /// If it breaks a rule, or its name is taken.
    pub async fn create_template(&self, spec: TemplateSpec, claim: Option<&Claim>) -> Result<Template, Refusal> {
        validate::template(&spec)?;
        self.make_template(spec, claim).await
    }

    /// Makes a template that was checked.
    pub(super) async fn make_template(&self, spec: TemplateSpec, claim: Option<&Claim>) -> Result<Template, Refusal> {
        let now = self.engine.now();
        let template = Template {
            id: TemplateId::new(self.chance.id_at(now.0)),
            spec,
            revision: 1,
            created_at: now,
            modified_at: now,
        };
        match self.store.insert_template(&template, claim).await? {
            Created::New => {
                tracing::info!(template = %template.id, name = %template.spec.name, "template made");
                Ok(template)
            }
            Created::Before(id) => self.template(&id).await,
        }
    }

    /// Changes a template. Runs that were started keep what they were started with.
    ///
    /// # Errors
    /// If it breaks a rule, its new name is taken, or it was changed meanwhile.
    pub async fn change_template(
        &self,
        id_or_name: &str,
        spec: TemplateSpec,
        expected: Option<u32>,
    ) -> Result<Template, Refusal> {
        let template = self.template(id_or_name).await?;
        expect(expected, template.revision)?;
        validate::template(&spec)?;
        self.put_template(template, spec).await
    }

    /// Changes a template to what was checked.
    pub(super) async fn put_template(&self, mut template: Template, spec: TemplateSpec) -> Result<Template, Refusal> {
        template.spec = spec;
        template.revision += 1;
        template.modified_at = self.engine.now();
        self.store.update_template(&template).await?;
        Ok(template)
    }

    /// Deletes a template that no task uses.
    ///
    /// # Errors
    /// If it is in use, or was changed meanwhile.
    pub async fn delete_template(&self, id_or_name: &str, expected: Option<u32>) -> Result<(), Refusal> {
        let template = self.template(id_or_name).await?;
        expect(expected, template.revision)?;
        Ok(self.store.delete_template(&template).await?)
    }
}
