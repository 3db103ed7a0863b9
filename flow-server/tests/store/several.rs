//! Several stores on one database: what each has kept of it is worth nothing once another has changed it.

use flow_server::store::{Loaded, Store, StoreError};

use crate::{
    databases::Opened,
    samples::{NOW, counted, mk_event, mk_run},
};

on_both!(what_another_store_changes_is_seen_by_all_who_change_it_next);

async fn what_another_store_changes_is_seen_by_all_who_change_it_next(db: Opened) {
    let other = Store::open(&db.url, 2).await.unwrap();
    let run = mk_run();
    db.store.insert_run(&run, &mk_event("accepted"), None).await.unwrap();
    let mut changed = 0;
    for _ in 0..2 {
        for store in [&db.store, &other] {
            let change = |loaded: &Loaded| {
                let planned = counted(&loaded.gang, &loaded.gang.run.member_restarts.to_string());
                Ok::<_, StoreError>(Some((planned, Some(NOW))))
            };
            let (before, made) = store.change_gang(run.id, change).await.unwrap().unwrap();
            assert_eq!(before.run.member_restarts, changed);
            changed += 1;
            assert_eq!(made.unwrap().gang.run.member_restarts, changed);
            // Also where nothing is to be written.
            for reader in [&db.store, &other] {
                let read = reader.gang(run.id).await.unwrap().unwrap().gang;
                assert_eq!(read.run.member_restarts, changed);
                let (same, made) = reader
                    .change_gang::<StoreError>(run.id, |_| Ok(None))
                    .await
                    .unwrap()
                    .unwrap();
                assert_eq!((same, made), (read, None));
                assert_eq!(reader.queue().await.unwrap().waiting.len(), 1);
            }
        }
    }
    let events = db.store.events(run.id, 1, 10).await.unwrap();
    let messages: Vec<_> = events.iter().map(|stored| stored.event.message.as_str()).collect();
    assert_eq!(messages, ["0", "1", "2", "3"]);
    other.close().await.unwrap();
}
