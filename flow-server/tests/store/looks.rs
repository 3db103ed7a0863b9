//! Looks at one gang by many at once, as the sessions of all its parties do where several servers share a database.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::{
    databases::Opened,
    samples::{mk_event, mk_run},
};

on_both!(many_who_look_at_one_gang_at_once_share_few_statements);

async fn many_who_look_at_one_gang_at_once_share_few_statements(mut db: Opened) {
    let run = mk_run();
    db.store.insert_run(&run, &mk_event("accepted"), None).await.unwrap();
    let statements = Arc::new(AtomicUsize::new(0));
    let seen = statements.clone();
    db.store.see_statements(move |_| {
        seen.fetch_add(1, Ordering::SeqCst);
    });
    let looks = futures::future::join_all((0..100).map(|_| db.store.gang(run.id))).await;
    for looked in looks {
        assert_eq!(looked.unwrap().unwrap().gang.run, run);
    }
    let statements = statements.load(Ordering::SeqCst);
    // Not all of the hundred have asked when the first is answered.
    assert!((1..=20).contains(&statements), "{statements} statements");
}
