//! Templates in the store.

use flow_domain::{Template, TemplateId, Timestamp};
use uuid::Uuid;

use super::{
    Claim, Created, Sql, StoreError,
    document::{By, Document, Kind},
    from_json,
    pages::Parties,
    to_json,
};

impl Sql {
    /// Stores a new template.
    ///
    /// # Errors
    /// If its name is taken, or the idempotency key was used for something else.
    pub(in crate::store) async fn insert_template(
        &self,
        template: &Template,
        claim: Option<&Claim>,
    ) -> Result<Created, StoreError> {
        self.insert_document(Kind::Template, row(template)?, claim).await
    }

    /// The template of that id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(in crate::store) async fn template(&self, id: TemplateId) -> Result<Option<Template>, StoreError> {
        let found = self.find_document(Kind::Template, By::Id(&id.to_string())).await?;
        found.map(read).transpose()
    }

    /// The template of that name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(in crate::store) async fn template_named(&self, name: &str) -> Result<Option<Template>, StoreError> {
        let found = self.find_document(Kind::Template, By::Name(name)).await?;
        found.map(read).transpose()
    }

    /// Templates, newest first, after the one with id `after`.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(in crate::store) async fn templates(
        &self,
        name: Option<&str>,
        after: Option<TemplateId>,
        limit: u64,
    ) -> Result<Vec<Template>, StoreError> {
        let after = after.map(|id| id.to_string());
        let rows = self
            .list_documents(Kind::Template, name, after.as_deref(), limit)
            .await?;
        rows.into_iter().map(read).collect()
    }

    /// Stores a changed template, whose revision is one more than the stored one's.
    ///
    /// # Errors
    /// If it was changed meanwhile, or its new name is taken.
    pub(in crate::store) async fn update_template(&self, template: &Template) -> Result<(), StoreError> {
        self.update_document(Kind::Template, row(template)?).await
    }

    /// Deletes a template that no task uses.
    ///
    /// # Errors
    /// If it was changed meanwhile or is in use.
    pub(in crate::store) async fn delete_template(&self, template: &Template) -> Result<(), StoreError> {
        let id = template.id.to_string();
        self.delete_document(Kind::Template, &id, i64::from(template.revision))
            .await
    }
}

fn row(template: &Template) -> Result<Document, StoreError> {
    Ok(Document {
        id: template.id.to_string(),
        name: template.spec.name.to_string(),
        revision: i64::from(template.revision),
        spec: to_json("template", &template.spec)?,
        created_at: template.created_at.0,
        modified_at: template.modified_at.0,
        template_id: None,
        parties: Parties::new(),
    })
}

pub(super) fn read(row: Document) -> Result<Template, StoreError> {
    Ok(Template {
        id: TemplateId(Uuid::try_parse(&row.id).unwrap_or_default()),
        spec: from_json("template", row.spec)?,
        revision: u32::try_from(row.revision).unwrap_or(u32::MAX),
        created_at: Timestamp(row.created_at),
        modified_at: Timestamp(row.modified_at),
    })
}
