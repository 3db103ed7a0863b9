//! Idempotency keys: the same request twice is one thing.

use flow_domain::Span;
use flow_server::store::{Created, StoreError};

use crate::{
    databases::Opened,
    samples::{NOW, mk_claim, mk_event, mk_run, mk_template},
};

on_all!(
    a_repetition_finds_what_was_made,
    a_key_with_another_body_is_refused,
    of_many_at_once_one_makes_it,
    a_refused_request_leaves_its_key_free,
    old_keys_are_forgotten,
);

async fn a_repetition_finds_what_was_made(db: Opened) {
    let claim = mk_claim("key", "body");
    let first = mk_run();
    assert_eq!(
        db.store.insert_run(&first, &mk_event("1"), Some(&claim)).await.unwrap(),
        Created::New
    );
    let again = db
        .store
        .insert_run(&mk_run(), &mk_event("2"), Some(&claim))
        .await
        .unwrap();
    assert_eq!(again, Created::Before(first.id.to_string()));
    assert_eq!(db.store.runs(&Default::default(), 10).await.unwrap(), [first]);
}

async fn a_key_with_another_body_is_refused(db: Opened) {
    db.store
        .insert_run(&mk_run(), &mk_event("1"), Some(&mk_claim("key", "body")))
        .await
        .unwrap();
    let refused = db
        .store
        .insert_run(&mk_run(), &mk_event("2"), Some(&mk_claim("key", "other")))
        .await;
    assert!(matches!(refused, Err(StoreError::KeyReused)));
    // Keys are told apart by their case.
    let other = db
        .store
        .insert_run(&mk_run(), &mk_event("3"), Some(&mk_claim("KEY", "other")))
        .await;
    assert_eq!(other.unwrap(), Created::New);
}

async fn of_many_at_once_one_makes_it(db: Opened) {
    let claim = mk_claim("key", "body");
    let requests = (0..16).map(|_| {
        let (store, claim) = (db.store.clone(), claim.clone());
        tokio::spawn(async move { store.insert_run(&mk_run(), &mk_event("1"), Some(&claim)).await.unwrap() })
    });
    let answers: Vec<Created> = futures::future::join_all(requests)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let runs = db.store.runs(&Default::default(), 10).await.unwrap();
    assert_eq!(runs.len(), 1);
    let before = Created::Before(runs[0].id.to_string());
    assert_eq!(answers.iter().filter(|answer| **answer == Created::New).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == before).count(), 15);
}

async fn a_refused_request_leaves_its_key_free(db: Opened) {
    let claim = mk_claim("key", "body");
    db.store.insert_template(&mk_template("digits"), None).await.unwrap();
    let refused = db.store.insert_template(&mk_template("digits"), Some(&claim)).await;
    assert!(matches!(refused, Err(StoreError::NameTaken(_))));
    let made = db
        .store
        .insert_template(&mk_template("letters"), Some(&claim))
        .await
        .unwrap();
    assert_eq!(made, Created::New);
}

async fn old_keys_are_forgotten(db: Opened) {
    let claim = mk_claim("key", "body");
    db.store
        .insert_run(&mk_run(), &mk_event("1"), Some(&claim))
        .await
        .unwrap();
    assert_eq!(db.store.forget_old_keys(NOW.after(Span::hours(24))).await.unwrap(), 0);
    let later = NOW.after(Span::hours(24)).after(Span::secs(1));
    assert_eq!(db.store.forget_old_keys(later).await.unwrap(), 1);
    let again = db
        .store
        .insert_run(&mk_run(), &mk_event("2"), Some(&claim))
        .await
        .unwrap();
    assert_eq!(again, Created::New);
}
