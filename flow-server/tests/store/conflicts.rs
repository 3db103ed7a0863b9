//! Real deadlocks and lock wait time-outs, which the store gets over by itself.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use flow_domain::RunId;
use flow_server::store::{Store, StoreError};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement, TransactionTrait};
use tokio::task::JoinHandle;

use crate::{
    databases::{Home, Opened},
    samples::{NOW, counted, mk_event, mk_run},
    within,
};

/// How many statements of the store have failed.
fn failures(store: &mut Store) -> Arc<AtomicUsize> {
    let failures = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&failures);
    store.see_statements(move |info| {
        seen.fetch_add(usize::from(info.failed), Ordering::SeqCst);
    });
    failures
}

async fn one_run(db: &Opened) -> RunId {
    let run = mk_run();
    db.store.insert_run(&run, &mk_event("accepted"), None).await.unwrap();
    run.id
}

/// Changes the run beside the test.
fn change(store: &Store, id: RunId) -> JoinHandle<Result<(), StoreError>> {
    let store = store.clone();
    tokio::spawn(async move {
        let change = |loaded: &flow_server::store::Loaded| Ok(Some((counted(&loaded.gang, "changed"), Some(NOW))));
        store
            .change_gang::<StoreError>(id, change)
            .await
            .map(|changed| drop(changed.unwrap()))
    })
}

async fn changed_once(db: &Opened, id: RunId) {
    assert_eq!(db.store.gang(id).await.unwrap().unwrap().gang.run.member_restarts, 1);
    assert_eq!(db.store.events(id, 1, 10).await.unwrap().len(), 1);
}

/// Whether a transaction waits for a lock on a table of this database. The tables about locks are of no use here: they
/// are not brought up to date while somebody keeps asking them.
async fn is_waiting(home: &Home) -> bool {
    let (_, name) = home.admin();
    let status = Statement::from_string(DbBackend::MySql, "SHOW ENGINE INNODB STATUS");
    let row = home.connect().await.query_one_raw(status).await.unwrap().unwrap();
    let text: String = row.try_get("", "Status").unwrap();
    let table = format!("of table `{name}`");
    text.lines()
        .any(|line| line.contains(&table) && line.ends_with("waiting"))
}

#[tokio::test]
async fn a_lock_that_is_waited_for_too_long_is_asked_for_again() {
    let mut db = Opened::mariadb().await;
    let id = one_run(&db).await;
    let failures = failures(&mut db.store);
    let other = db.home.connect().await.begin().await.unwrap();
    other
        .execute_unprepared(&format!("SELECT id FROM run WHERE id = '{id}' FOR UPDATE"))
        .await
        .unwrap();
    let changing = change(&db.store, id);
    within("the store gives up waiting once", async || {
        failures.load(Ordering::SeqCst) > 0
    })
    .await;
    assert!(!changing.is_finished());
    other.rollback().await.unwrap();
    changing.await.unwrap().unwrap();
    changed_once(&db, id).await;
}

/// Brings a change of the run into a deadlock that it loses: with a transaction that ends in this statement, and is still open.
async fn loses_to(db: &mut Opened, id: RunId, last: &str) -> (DatabaseTransaction, JoinHandle<Result<(), StoreError>>) {
    let failures = failures(&mut db.store);
    let other = db.home.connect().await.begin().await.unwrap();
    // The store's next event has to wait for these. There are many, so that the store has less to lose.
    let events: Vec<String> = (2..300).map(|number| format!("('{id}', {number}, '{{}}')")).collect();
    let insert = format!("INSERT INTO event (run_id, sequence, body) VALUES {}", events.join(","));
    other.execute_unprepared(&insert).await.unwrap();
    let changing = change(&db.store, id);
    within("the store waits for the event", async || is_waiting(&db.home).await).await;
    // Now each waits for the other.
    other.execute_unprepared(last).await.unwrap();
    within("the store is told of the deadlock", async || {
        failures.load(Ordering::SeqCst) > 0
    })
    .await;
    (other, changing)
}

#[tokio::test]
async fn the_victim_of_a_deadlock_tries_again() {
    let mut db = Opened::mariadb().await;
    let id = one_run(&db).await;
    let lock = format!("SELECT id FROM run WHERE id = '{id}' FOR UPDATE");
    let (other, changing) = loses_to(&mut db, id, &lock).await;
    other.rollback().await.unwrap();
    changing.await.unwrap().unwrap();
    changed_once(&db, id).await;
}

#[tokio::test]
async fn a_gang_that_was_changed_in_between_is_changed_as_it_is_now() {
    let mut db = Opened::mariadb().await;
    let id = one_run(&db).await;
    let cancel = "UPDATE run SET status = JSON_SET(status, '$.cancel_requested', JSON_EXTRACT('true', '$'))";
    // And that it has written events.
    let cancel = format!("{cancel}, version = version + 1, events = 299 WHERE id = '{id}'");
    let (other, changing) = loses_to(&mut db, id, &cancel).await;
    other.commit().await.unwrap();
    // What was planned was planned of what is no more, so it is planned anew of what is.
    changing.await.unwrap().unwrap();
    let gang = db.store.gang(id).await.unwrap().unwrap().gang;
    assert_eq!((gang.run.member_restarts, gang.run.cancel_requested), (1, true));
}
