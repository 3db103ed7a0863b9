//! A database that is away, hangs or is locked: told within seconds, and used again when it is back.

use std::time::{Duration, Instant};

use flow_mariadb::Server;
use flow_server::store::{Store, StoreError};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::task::spawn_blocking;

use crate::{
    databases::Opened,
    samples::{NOW, counted, mk_event, mk_party, mk_run, mk_template},
    within,
};

/// No call may take longer.
const LIMIT: Duration = Duration::from_secs(11);

on_both!(what_is_locked_for_long_is_away_and_then_free);

async fn what_is_locked_for_long_is_away_and_then_free(db: Opened) {
    let run = mk_run();
    db.store.insert_run(&run, &mk_event("accepted"), None).await.unwrap();
    let holder = hold(&db).await;
    let begun = Instant::now();
    let change = |loaded: &flow_server::store::Loaded| Ok(Some((counted(&loaded.gang, "x"), Some(NOW))));
    let error = db.store.change_gang::<StoreError>(run.id, change).await.unwrap_err();
    assert!(error.is_away(), "{error:?}");
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
    // Readers go on meanwhile.
    assert!(db.store.gang(run.id).await.unwrap().is_some());
    drop(holder);
    let changed = || async { db.store.change_gang::<StoreError>(run.id, change).await };
    within("the lock is free", async || changed().await.is_ok()).await;
}

/// A transaction that has what a change needs, until it is dropped.
async fn hold(db: &Opened) -> DatabaseTransaction {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let tx = db.home.connect().await.begin_with_options(options).await.unwrap();
    if tx.get_database_backend() == DbBackend::MySql {
        tx.execute_unprepared("SELECT id FROM run FOR UPDATE").await.unwrap();
    }
    tx
}

/// Every kind of call, all at once, twice as many as there are connections; how each failed.
async fn all_calls(store: &Store) -> Vec<Option<StoreError>> {
    let calls = (0..16).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            let run = mk_run();
            match number % 8 {
                0 => store.ping().await.err(),
                1 => store.parties(None, 10).await.err(),
                2 => store.party_seen(&mk_party("a")).await.err(),
                3 => store.insert_run(&run, &mk_event("accepted"), None).await.err(),
                4 => store.change_gang::<StoreError>(run.id, |_| Ok(None)).await.err(),
                5 => store.due_runs(NOW, 10).await.err(),
                6 => store.delete_template(&mk_template("gone")).await.err(),
                _ => store.forget_old_keys(NOW).await.err(),
            }
        })
    });
    futures::future::join_all(calls)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect()
}

/// All fail within the limit, and as something that may pass.
async fn is_away(store: &Store) {
    let begun = Instant::now();
    for error in all_calls(store).await {
        let error = error.expect("a call that cannot have worked");
        assert!(error.is_away(), "{error:?}");
    }
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
}

async fn is_back(store: &Store) {
    within("all calls work", async || {
        let failed: Vec<_> = all_calls(store).await.into_iter().flatten().collect();
        failed.iter().all(|error| matches!(error, StoreError::Stale))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_or_paused_database_is_away_and_used_again_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let mut server = spawn_blocking(move || Server::start(&path).unwrap()).await.unwrap();
    let url = server.create_database("flow").unwrap();
    let store = Store::open(&url, 8).await.unwrap();
    is_back(&store).await;

    server.kill9().unwrap();
    is_away(&store).await;
    let server = spawn_blocking(move || {
        server.start_again().unwrap();
        server
    });
    let server = server.await.unwrap();
    is_back(&store).await;

    server.pause().unwrap();
    is_away(&store).await;
    server.resume().unwrap();
    is_back(&store).await;
    store.close().await.unwrap();
}
