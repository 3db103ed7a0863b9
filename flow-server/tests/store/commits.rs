//! A connection lost at the commit: what was done is not told as failed, and nothing is done twice.

use flow_server::store::{Created, Store, StoreError};

use crate::{
    databases::Opened,
    proxy::{At, Cut, Proxy},
    samples::{NOW, counted, mk_claim, mk_event, mk_run, mk_template},
};

/// A store that reaches its database through a proxy.
async fn by_proxy(db: &Opened) -> (Store, Proxy) {
    let (admin, name) = db.home.admin();
    let url = admin.admin_url();
    let port = url.rsplit_once(':').unwrap().1.parse().unwrap();
    let proxy = Proxy::before(port).await;
    // The proxy reads what it forwards.
    let url = format!("{}?ssl-mode=disabled", admin.url_by(proxy.port, name));
    (Store::open(&url, 4).await.unwrap(), proxy)
}

#[tokio::test]
async fn what_was_inserted_is_there_once() {
    let db = Opened::mariadb().await;
    let (store, proxy) = by_proxy(&db).await;
    for cut in [Cut::Before, Cut::After] {
        proxy.cut([(At::Commit, cut)]);
        let run = mk_run();
        let claim = mk_claim(&format!("{cut:?}"), "body");
        let created = store
            .insert_run(&run, &mk_event("accepted"), Some(&claim))
            .await
            .unwrap();
        assert_eq!((created, proxy.left()), (Created::New, 0), "{cut:?}");
        assert_eq!(db.store.events(run.id, 0, 10).await.unwrap().len(), 1, "{cut:?}");
        let again = store
            .insert_run(&mk_run(), &mk_event("again"), Some(&claim))
            .await
            .unwrap();
        assert_eq!(again, Created::Before(run.id.to_string()));

        proxy.cut([(At::Commit, cut)]);
        let template = mk_template(&format!("template {cut:?}"));
        assert_eq!(
            store.insert_template(&template, None).await.unwrap(),
            Created::New,
            "{cut:?}"
        );
        assert_eq!(
            (db.store.template(template.id).await.unwrap(), proxy.left()),
            (Some(template), 0)
        );
    }
    assert_eq!(db.store.runs(&Default::default(), 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_was_changed_or_deleted_is_not_told_as_stale() {
    let db = Opened::mariadb().await;
    let (store, proxy) = by_proxy(&db).await;
    for cut in [Cut::Before, Cut::After] {
        let mut template = mk_template("digits");
        store.insert_template(&template, None).await.unwrap();
        template.revision += 1;
        template.spec.remark = "changed".to_owned();
        // Once at the update, which is undone then, and once at its commit.
        proxy.cut([(At::Commit, cut), (At::Prepared, cut)]);
        store.update_template(&template).await.unwrap();
        assert_eq!(
            (db.store.template(template.id).await.unwrap().as_ref(), proxy.left()),
            (Some(&template), 0)
        );
        proxy.cut([(At::Commit, cut)]);
        store.delete_template(&template).await.unwrap();
        assert_eq!((db.store.template(template.id).await.unwrap(), proxy.left()), (None, 0));
    }
}

#[tokio::test]
async fn a_gang_is_changed_once_however_often_the_connection_is_lost() {
    let db = Opened::mariadb().await;
    let (store, proxy) = by_proxy(&db).await;
    let run = mk_run();
    store.insert_run(&run, &mk_event("accepted"), None).await.unwrap();
    let kinds = [
        &[Cut::Before][..],
        &[Cut::After],
        &[Cut::Before, Cut::Before, Cut::After],
    ];
    for (cuts, times) in kinds.into_iter().zip(1..) {
        proxy.cut(cuts.iter().rev().map(|cut| (At::Commit, *cut)));
        let change = |loaded: &flow_server::store::Loaded| Ok(Some((counted(&loaded.gang, "changed"), Some(NOW))));
        let (before, made) = store.change_gang::<StoreError>(run.id, change).await.unwrap().unwrap();
        assert_eq!((before.run.member_restarts + 1, proxy.left()), (times, 0), "{cuts:?}");
        let stored = db.store.gang(run.id).await.unwrap().unwrap().gang;
        assert_eq!(Some(&*stored), made.map(|made| made.gang).as_ref(), "{cuts:?}");
        assert_eq!(stored.run.member_restarts, times, "{cuts:?}");
        assert_eq!(
            db.store.events(run.id, 1, 10).await.unwrap().len(),
            times as usize,
            "{cuts:?}"
        );
    }
}

#[tokio::test]
async fn many_writers_over_a_line_that_breaks_lose_and_double_nothing() {
    const WRITERS: u32 = 6;
    const CHANGES: u32 = 10;
    let db = Opened::mariadb().await;
    let (store, proxy) = by_proxy(&db).await;
    let run = mk_run();
    store.insert_run(&run, &mk_event("accepted"), None).await.unwrap();
    proxy.cut((0..20).map(|number| (At::Commit, if number % 2 == 0 { Cut::Before } else { Cut::After })));
    let writers = (0..WRITERS).map(|writer| {
        let (store, id) = (store.clone(), run.id);
        tokio::spawn(async move {
            for number in 0..CHANGES {
                let message = format!("{writer}/{number}");
                loop {
                    let change =
                        |loaded: &flow_server::store::Loaded| Ok(Some((counted(&loaded.gang, &message), Some(NOW))));
                    match store.change_gang::<StoreError>(id, change).await {
                        Ok(_) => break,
                        // It was not done, and what it was made of has changed.
                        Err(StoreError::Stale) => {}
                        Err(error) => panic!("{message}: {error:?}"),
                    }
                }
            }
        })
    });
    for writer in futures::future::join_all(writers).await {
        writer.unwrap();
    }
    assert_eq!(proxy.left(), 0);
    assert_eq!(
        db.store.gang(run.id).await.unwrap().unwrap().gang.run.member_restarts,
        WRITERS * CHANGES
    );
    let events = db.store.events(run.id, 1, 1000).await.unwrap();
    let mut messages: Vec<_> = events.into_iter().map(|stored| stored.event.message).collect();
    messages.sort_unstable();
    messages.dedup();
    assert_eq!(messages.len(), (WRITERS * CHANGES) as usize);
}
