//! Rows that this version cannot read are told, not taken for something else.

use flow_server::store::StoreError;

use crate::{
    databases::Opened,
    samples::{mk_event, mk_party, mk_run, mk_template},
};

on_both!(a_row_of_a_newer_version_is_told);

async fn a_row_of_a_newer_version_is_told(db: Opened) {
    let (template, run, party) = (mk_template("digits"), mk_run(), mk_party("a"));
    db.store.insert_template(&template, None).await.unwrap();
    db.store.insert_run(&run, &mk_event("accepted"), None).await.unwrap();
    db.store.party_seen(&party).await.unwrap();
    // Whoever writes a run counts its version up.
    db.execute("UPDATE run SET version = version + 1").await;
    for (table, column) in [
        ("template", "spec"),
        ("run", "status"),
        ("event", "body"),
        ("party", "body"),
    ] {
        db.execute(&format!("UPDATE {table} SET {column} = '{{\"new\": true}}'"))
            .await;
    }
    let unreadable = |error: StoreError, kind: &str| {
        assert!(
            matches!(&error, StoreError::Unreadable { what, .. } if *what == kind),
            "{error}"
        );
        assert!(!error.is_away());
    };
    unreadable(db.store.template(template.id).await.unwrap_err(), "template");
    unreadable(db.store.templates(None, None, 10).await.unwrap_err(), "template");
    unreadable(db.store.gang(run.id).await.unwrap_err(), "run");
    unreadable(db.store.runs(&Default::default(), 10).await.unwrap_err(), "run");
    unreadable(db.store.events(run.id, 0, 10).await.unwrap_err(), "event");
    unreadable(db.store.party(&party.id).await.unwrap_err(), "party");
    let changed = db.store.change_gang::<StoreError>(run.id, |_| Ok(None));
    unreadable(changed.await.unwrap_err(), "run");
}
