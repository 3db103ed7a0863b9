//! The order of templates and tasks beside their documents: MySQL keeps rows in the order of their ids, whole, so the way to a page far
//! down the list led through all documents before it.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

/// An index on the id alone, where the primary key is the rows themselves.
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261121_000004_order"
    }
}

/// The tables, and the names of the indexes.
const INDEXES: [(&str, &str); 2] = [("template", "template_id"), ("task", "task_id")];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, index) in INDEXES {
            // SQLite has ids apart from rows anyway. MySQL commits each statement, so a part may be done.
            if manager.get_database_backend() == DbBackend::MySql && !manager.has_index(table, index).await? {
                let mut create = Index::create();
                create.name(index).table(Alias::new(table)).col(Alias::new("id"));
                let created = manager.create_index(create).await;
                // Another server that starts may have been faster.
                if created.is_err() && !manager.has_index(table, index).await? {
                    return created;
                }
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, index) in INDEXES {
            if manager.get_database_backend() == DbBackend::MySql && manager.has_index(table, index).await? {
                let drop = Index::drop().name(index).table(Alias::new(table)).to_owned();
                manager.drop_index(drop).await?;
            }
        }
        Ok(())
    }
}
