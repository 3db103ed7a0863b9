//! Where a journal may be, and beside whom.

use flow_database::ConnectError;
use flow_domain::{AssignmentId, AssignmentState};
use flow_migrations::{Migrator, MigratorTrait, journal};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::{
    home::{Home, until},
    retention::ended,
    samples::{id_of, live, mk_spec},
};
use crate::journal::{Filter, JournalError};

on_both!(
    forward_back_and_forward_again,
    a_server_may_have_its_store_in_the_same_database,
    a_newer_schema_is_refused_by_its_name,
    the_list_of_an_earlier_version_is_taken_over_once,
);

async fn forward_back_and_forward_again(home: Home) {
    let journal = home.open().await;
    let id = live(&journal, 1, 1);
    until(&journal, id, |entry| entry.desired.is_none()).await;
    drop(journal);
    let beside = home.connect().await;
    journal::Migrator::down(&beside, None).await.unwrap();
    let backend = beside.get_database_backend();
    let left = match backend {
        DbBackend::Sqlite => {
            "SELECT name FROM sqlite_master WHERE name NOT IN ('journal_migration', 'sqlite_autoindex_journal_migration_1')"
        }
        _ => {
            "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name <> 'journal_migration'"
        }
    };
    let left = beside
        .query_all_raw(Statement::from_string(backend, left))
        .await
        .unwrap();
    assert_eq!(left.len(), 0);
    let journal = home.open().await;
    assert_eq!(journal.assignments(&Filter::default(), 10).await.unwrap(), []);
    live(&journal, 1, 1);
    until(&journal, id, |entry| entry.desired.is_none()).await;
}

async fn a_server_may_have_its_store_in_the_same_database(home: Home) {
    let journal = home.open().await;
    let id = live(&journal, 1, 1);
    until(&journal, id, |entry| entry.desired.is_none()).await;
    flow_database::migrate::<Migrator>(&home.connect().await, &home.url())
        .await
        .unwrap();
    drop(journal);
    let journal = home.open().await;
    assert!(journal.assignment(id).await.unwrap().is_some());
    // Each is taken down by itself.
    Migrator::down(&home.connect().await, None).await.unwrap();
    assert!(journal.assignment(id).await.unwrap().is_some());
}

async fn a_newer_schema_is_refused_by_its_name(home: Home) {
    drop(home.open().await);
    home.execute("INSERT INTO journal_migration (version, applied_at) VALUES ('m29990101_000001_later', 0)")
        .await;
    let refused = home.try_open("a").await.unwrap_err();
    assert!(
        matches!(&refused, JournalError::Open(ConnectError::Newer { migration, .. }) if migration == "m29990101_000001_later"),
        "{refused:?}"
    );
}

async fn the_list_of_an_earlier_version_is_taken_over_once(home: Home) {
    let old: Vec<AssignmentId> = (1..=3).map(|run| id_of(&mk_spec(run, 1))).collect();
    let list = home.folder.path().join("ended.json");
    std::fs::write(&list, serde_json::to_vec(&old).unwrap()).unwrap();
    let journal = home.open().await;
    journal.retain(3);
    assert!(!list.exists());
    let entry = journal.assignment(old[1]).await.unwrap().unwrap();
    assert_eq!((entry.asked, entry.state), (None, AssignmentState::Lost));
    assert_eq!(ended(&journal, 4).await.1, old[..1]);
    until(&journal, old[0], |entry| entry.purged_at.is_some()).await;
    drop(journal);
    // One that makes no sense is left behind, as before.
    std::fs::write(&list, "[1, 2").unwrap();
    let journal = home.open().await;
    journal.retain(3);
    assert!(!list.exists());
    assert_eq!(ended(&journal, 5).await.1, old[1..2]);
}

#[tokio::test]
async fn mariadb_parties_share_a_database_and_see_their_own() {
    let home = Home::server().await;
    let (one, other) = (home.try_open("a").await.unwrap(), home.try_open("b").await.unwrap());
    let (id, twin) = (live(&one, 1, 1), live(&other, 1, 1));
    live(&other, 2, 1);
    assert_eq!(id, twin);
    until(&one, id, |entry| entry.desired.is_none()).await;
    until(&other, id_of(&mk_spec(2, 1)), |entry| entry.desired.is_none()).await;
    assert_eq!(one.assignments(&Filter::default(), 10).await.unwrap().len(), 1);
    assert_eq!(other.assignments(&Filter::default(), 10).await.unwrap().len(), 2);
    assert_eq!(one.events(id, 0, 10).await.unwrap().len(), 6);
}

#[tokio::test]
async fn a_second_agent_on_a_folder_is_refused_by_the_first_ones_process() {
    let home = Home::folder();
    let first = home.open().await;
    let refused = home.try_open("a").await.unwrap_err();
    let text = flow_daemon::error::chain(&refused);
    let process = format!("another flow-federate (process {})", std::process::id());
    assert!(text.contains(&process), "{text}");
    first.close().await;
    drop(home.open().await);
}

#[tokio::test]
async fn what_is_no_database_is_refused_at_the_start() {
    let mut home = Home::folder();
    home.config.url = "postgres://u:secret@h/d".to_owned();
    let refused = home.try_open("a").await.unwrap_err();
    let text = flow_daemon::error::chain(&refused);
    assert!(
        text.contains("journal.url") && text.contains("write sqlite://") && !text.contains("secret"),
        "{text}"
    );
}
