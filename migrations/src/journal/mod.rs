//! The schema of an agent's journal. Its tables have names of their own, so that it may share a database with journals of other
//! parties, and with a server.

use sea_orm_migration::{MigrationTrait, MigratorTrait, async_trait, prelude::*};

mod m20261121_000001_journal;

/// All migrations of a journal in order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m20261121_000001_journal::Migration)]
    }

    fn migration_table_name() -> DynIden {
        "journal_migration".into_iden()
    }
}
