//! The schema: forward, back and forward again, and what is refused with its reason.

use flow_database::ConnectError;
use flow_migrations::{Migrator, MigratorTrait};
use flow_server::store::Store;
use sea_orm::DbBackend;

use crate::{
    databases::{Home, Opened, column},
    samples::mk_template,
};

on_both!(
    forward_back_and_forward_again,
    a_migration_that_ended_half_way_is_finished_by_the_next_start,
    a_newer_schema_is_refused_by_its_name,
    opening_again_changes_nothing,
    servers_that_start_at_once_all_find_the_schema,
);

async fn servers_that_start_at_once_all_find_the_schema(db: Opened) {
    Migrator::down(&db.home.connect().await, None).await.unwrap();
    let opening = (0..6).map(|_| {
        let url = db.url.clone();
        tokio::spawn(async move { Store::open(&url, 2).await.unwrap() })
    });
    for store in futures::future::join_all(opening).await {
        assert_eq!(store.unwrap().templates(None, None, 1).await.unwrap(), []);
    }
}

async fn forward_back_and_forward_again(db: Opened) {
    db.store.insert_template(&mk_template("digits"), None).await.unwrap();
    let beside = db.home.connect().await;
    Migrator::down(&beside, None).await.unwrap();
    assert!(db.store.templates(None, None, 1).await.is_err());
    Migrator::up(&beside, None).await.unwrap();
    assert_eq!(db.store.templates(None, None, 1).await.unwrap(), []);
    db.store.insert_template(&mk_template("digits"), None).await.unwrap();
    Migrator::down(&beside, None).await.unwrap();
    let left = match beside.get_database_backend() {
        DbBackend::Sqlite => "SELECT name FROM sqlite_master WHERE name NOT LIKE '%seaql_migrations%'",
        _ => {
            "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name <> 'seaql_migrations'"
        }
    };
    assert_eq!(column(&beside, beside.get_database_backend(), left).await, [""; 0]);
}

async fn a_migration_that_ended_half_way_is_finished_by_the_next_start(db: Opened) {
    // As it would be if the server had been killed after some of the tables.
    for statement in [
        "DROP TABLE idempotency",
        "DROP TABLE party",
        "DELETE FROM seaql_migrations",
    ] {
        db.execute(statement).await;
    }
    let store = Store::open(&db.url, 2).await.unwrap();
    store.party_seen(&crate::samples::mk_party("a")).await.unwrap();
    assert_eq!(store.parties(None, 10).await.unwrap().len(), 1);
}

async fn a_newer_schema_is_refused_by_its_name(db: Opened) {
    db.execute("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29990101_000001_later', 0)")
        .await;
    let refused = Store::open(&db.url, 2).await.unwrap_err();
    assert!(
        matches!(&refused, ConnectError::Newer { migration, .. } if migration == "m29990101_000001_later"),
        "{refused}"
    );
}

async fn opening_again_changes_nothing(db: Opened) {
    let template = mk_template("digits");
    db.store.insert_template(&template, None).await.unwrap();
    let again = Store::open(&db.url, 2).await.unwrap();
    assert_eq!(again.template(template.id).await.unwrap(), Some(template));
    again.close().await.unwrap();
}

/// Whatever the database's own default is: an operator may have made it long ago.
#[tokio::test]
async fn every_column_on_mariadb_has_utf8mb4_and_is_compared_by_bytes() {
    let db = Home::server("CHARACTER SET latin1 COLLATE latin1_swedish_ci")
        .await
        .open()
        .await;
    let template = mk_template("ziffern 🎯");
    db.store.insert_template(&template, None).await.unwrap();
    assert_eq!(db.store.template_named("ziffern 🎯").await.unwrap(), Some(template));
    let beside = db.home.connect().await;
    // The one is MariaDB's, the other MySQL's. JSON is MariaDB's own: text by bytes. The table of migrations is the library's, and has ASCII only.
    let others = "SELECT CONCAT(table_name, '.', column_name, ' ', collation_name) FROM information_schema.columns \
                  WHERE table_schema = DATABASE() AND table_name <> 'seaql_migrations' AND collation_name IS NOT NULL \
                  AND collation_name NOT IN ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin') AND NOT (data_type = 'longtext' AND collation_name = 'utf8mb4_bin')";
    assert_eq!(column(&beside, DbBackend::MySql, others).await, [""; 0]);
    let tables = "SELECT CONCAT(table_name, ' ', engine, ' ', table_collation) FROM information_schema.tables \
                  WHERE table_schema = DATABASE() AND table_name <> 'seaql_migrations' \
                  AND (engine <> 'InnoDB' OR table_collation NOT IN ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin'))";
    assert_eq!(column(&beside, DbBackend::MySql, tables).await, [""; 0]);
}

#[tokio::test]
async fn an_account_that_may_only_read_is_told_so() {
    let db = Opened::mariadb().await;
    let (admin, name) = db.home.admin();
    let account = format!("'r_{}'@'127.0.0.1'", &name[2..12]);
    let (user, address) = (&account[1..13], admin.admin_url());
    admin
        .execute(&format!(
            "CREATE USER {account} IDENTIFIED BY 'reads'; GRANT SELECT ON {name}.* TO {account}"
        ))
        .unwrap();
    let (_, host) = address.rsplit_once('@').unwrap();
    let refused = Store::open(&format!("mysql://{user}:reads@{host}/{name}"), 2)
        .await
        .unwrap_err();
    admin.execute(&format!("DROP USER {account}")).unwrap();
    assert!(matches!(refused, ConnectError::ReadOnly { .. }), "{refused:?}");
    assert!(!refused.to_string().contains("reads@"), "{refused}");
}

#[tokio::test]
async fn a_file_that_may_only_be_read_is_told_so() {
    let db = Opened::sqlite().await;
    let refused = Store::open(&format!("{}?mode=ro", db.url), 2).await.unwrap_err();
    assert!(matches!(refused, ConnectError::ReadOnly { .. }), "{refused:?}");
}

#[tokio::test]
async fn what_is_no_database_is_told_with_what_to_write() {
    let refused = Store::open("postgres://u:secret@h/d", 2).await.unwrap_err();
    assert!(
        refused.to_string().contains("write sqlite://") && !refused.to_string().contains("secret"),
        "{refused}"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flow.db");
    std::fs::write(&path, "no database, but long enough to be looked at ".repeat(50)).unwrap();
    let refused = Store::open(&format!("sqlite://{}", path.display()), 2)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, ConnectError::Open { .. } | ConnectError::Migrate { .. }),
        "{refused:?}"
    );
}
