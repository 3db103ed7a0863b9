//! The database schemas, one dated file per change, the same on MySQL and SQLite: the server's here, that of agents' journals in
//! [`journal`].

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::{MigrationTrait, async_trait};

pub mod journal;
mod m20261121_000001_first;
mod m20261121_000002_servers;
mod m20261121_000003_pages;
mod m20261121_000004_order;
mod m20261121_000005_blocks;
mod table;

/// All migrations of the server's store in order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_first::Migration),
            Box::new(m20261121_000002_servers::Migration),
            Box::new(m20261121_000003_pages::Migration),
            Box::new(m20261121_000004_order::Migration),
            Box::new(m20261121_000005_blocks::Migration),
        ]
    }
}
