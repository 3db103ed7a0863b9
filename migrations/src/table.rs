//! Tables that are the same on SQLite, MySQL and MariaDB.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

/// Makes tables: text of any language, compared byte for byte as SQLite does it, whatever the database's default is.
///
/// MySQL commits after every statement about the schema, so a migration may end half-way. Each table is therefore made
/// with its indexes in one statement, and only if it is not there: the next start goes on.
pub(crate) struct Tables<'a> {
    manager: &'a SchemaManager<'a>,
    /// None on SQLite, which has no other way to compare.
    collation: Option<&'static str>,
}

/// An index by the columns it is on, and whether no two rows may have the same there.
pub(crate) struct On(pub(crate) &'static [&'static str], pub(crate) bool);

impl<'a> Tables<'a> {
    pub(crate) async fn of(manager: &'a SchemaManager<'a>) -> Result<Self, DbErr> {
        let collation = match manager.get_database_backend() {
            DbBackend::MySql => Some(collation(manager).await?),
            _ => None,
        };
        Ok(Self { manager, collation })
    }

    pub(crate) async fn create(
        &self,
        name: &str,
        columns: Vec<ColumnDef>,
        key: &[&str],
        indexes: &[On],
    ) -> Result<(), DbErr> {
        let mut table = Table::create();
        table.table(Alias::new(name)).if_not_exists();
        for column in columns {
            table.col(column);
        }
        let mut primary = Index::create();
        for column in key {
            primary.col(Alias::new(*column));
        }
        table.primary_key(&mut primary);
        if let Some(collation) = self.collation {
            table.engine("InnoDB").character_set("utf8mb4").collate(collation);
            for on in indexes {
                table.index(&mut index(name, on));
            }
            return self.manager.create_table(table).await;
        }
        self.manager.create_table(table).await?;
        for on in indexes {
            let mut index = index(name, on);
            index.table(Alias::new(name)).if_not_exists();
            self.manager.create_index(index).await?;
        }
        Ok(())
    }
}

/// The collation by bytes that counts spaces at the end too. The two have the same by different names.
async fn collation(manager: &SchemaManager<'_>) -> Result<&'static str, DbErr> {
    let mut version = Query::select();
    version.expr_as(Expr::cust("VERSION()"), Alias::new("version"));
    let row = manager.get_connection().query_one(&version).await?;
    let version: String = match row {
        Some(row) => row.try_get("", "version")?,
        None => String::new(),
    };
    Ok(if version.contains("MariaDB") {
        "utf8mb4_nopad_bin"
    } else {
        "utf8mb4_0900_bin"
    })
}

fn index(table: &str, On(columns, unique): &On) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(format!("{table}_{}", columns.join("_")));
    for column in *columns {
        index.col(Alias::new(*column));
    }
    if *unique {
        index.unique();
    }
    index
}

pub(crate) fn id(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).char_len(32).not_null().to_owned()
}

pub(crate) fn text(name: &str, longest: u32) -> ColumnDef {
    ColumnDef::new(Alias::new(name))
        .string_len(longest)
        .not_null()
        .to_owned()
}

pub(crate) fn number(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).big_integer().not_null().to_owned()
}

pub(crate) fn optional_number(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).big_integer().null().to_owned()
}

/// A number that the database gives, each greater than those before.
pub(crate) fn count(manager: &SchemaManager<'_>, name: &str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name));
    match manager.get_database_backend() {
        // The primary key of that very type is the number of the row.
        DbBackend::Sqlite => column.integer().not_null().to_owned(),
        _ => column.big_integer().not_null().auto_increment().to_owned(),
    }
}
