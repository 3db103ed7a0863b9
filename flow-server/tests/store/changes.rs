//! Changes of one gang by many at once: all applied, none lost.

use flow_server::store::StoreError;

use crate::{
    databases::Opened,
    samples::{NOW, counted, mk_event, mk_run},
};

const WRITERS: u32 = 20;
const CHANGES: u32 = 20;

on_all!(
    concurrent_changes_of_one_run_are_all_applied,
    concurrent_changes_of_many_runs_do_not_hinder_each_other,
    a_change_that_is_not_wanted_stores_nothing,
    a_callers_error_comes_back_and_stores_nothing,
);

async fn concurrent_changes_of_one_run_are_all_applied(db: Opened) {
    let run = mk_run();
    db.store.insert_run(&run, &mk_event("accepted"), None).await.unwrap();
    let writers = (0..WRITERS).map(|writer| {
        let (store, id) = (db.store.clone(), run.id);
        tokio::spawn(async move {
            for number in 0..CHANGES {
                let message = format!("{writer}/{number}");
                store
                    .change_gang::<StoreError>(id, |loaded| Ok(Some((counted(&loaded.gang, &message), Some(NOW)))))
                    .await
                    .unwrap();
            }
        })
    });
    for writer in futures::future::join_all(writers).await {
        writer.unwrap();
    }
    let stored = db.store.gang(run.id).await.unwrap().unwrap().gang.run.clone();
    assert_eq!(stored.member_restarts, WRITERS * CHANGES);
    let events = db.store.events(run.id, 1, 1000).await.unwrap();
    assert_eq!(events.len(), (WRITERS * CHANGES) as usize);
    // Each writer's own changes in its order.
    for writer in 0..WRITERS {
        let mark = format!("{writer}/");
        let own = events
            .iter()
            .filter_map(|stored| stored.event.message.strip_prefix(&mark));
        let wanted: Vec<_> = (0..CHANGES).map(|number| number.to_string()).collect();
        assert_eq!(own.collect::<Vec<_>>(), wanted);
    }
}

async fn concurrent_changes_of_many_runs_do_not_hinder_each_other(db: Opened) {
    let mut runs = Vec::new();
    for _ in 0..WRITERS {
        let run = mk_run();
        db.store.insert_run(&run, &mk_event("accepted"), None).await.unwrap();
        runs.push(run.id);
    }
    let writers = runs.iter().map(|id| {
        let (store, id) = (db.store.clone(), *id);
        tokio::spawn(async move {
            for _ in 0..5 {
                let change = |loaded: &flow_server::store::Loaded| Ok(Some((counted(&loaded.gang, "x"), Some(NOW))));
                store.change_gang::<StoreError>(id, change).await.unwrap();
            }
        })
    });
    for writer in futures::future::join_all(writers).await {
        writer.unwrap();
    }
    for id in runs {
        assert_eq!(db.store.gang(id).await.unwrap().unwrap().gang.run.member_restarts, 5);
    }
}

async fn a_change_that_is_not_wanted_stores_nothing(db: Opened) {
    let run = mk_run();
    db.store.insert_run(&run, &mk_event("accepted"), None).await.unwrap();
    let (before, made) = db
        .store
        .change_gang::<StoreError>(run.id, |_| Ok(None))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((&before.run, made), (&run, None));
    let missing = db
        .store
        .change_gang::<StoreError>(mk_run().id, |_| panic!("there is none"))
        .await
        .unwrap();
    assert_eq!(missing, None);
}

async fn a_callers_error_comes_back_and_stores_nothing(db: Opened) {
    let run = mk_run();
    db.store.insert_run(&run, &mk_event("accepted"), None).await.unwrap();
    let refused = db
        .store
        .change_gang(run.id, |_| Err(StoreError::InUse("me".to_owned())))
        .await;
    assert!(matches!(refused, Err(StoreError::InUse(by)) if by == "me"));
    assert_eq!(db.store.gang(run.id).await.unwrap().unwrap().gang.run, run);
}
