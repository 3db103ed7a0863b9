//! Parties: registered once, seen often.

use flow_domain::Span;

use crate::{
    databases::Opened,
    samples::{NOW, mk_party, mk_party_id},
};

on_all!(
    a_party_is_registered_once_and_seen_often,
    parties_come_by_name_page_by_page
);

async fn a_party_is_registered_once_and_seen_often(db: Opened) {
    let mut party = mk_party("a");
    db.store.party_seen(&party).await.unwrap();
    assert_eq!(db.store.party(&party.id).await.unwrap().as_ref(), Some(&party));
    let later = NOW.after(Span::secs(5));
    let mut again = party.clone();
    (again.registered_at, again.last_seen) = (later, later);
    again.datasets = Vec::new();
    db.store.party_seen(&again).await.unwrap();
    (party.last_seen, party.datasets) = (later, Vec::new());
    assert_eq!(db.store.party(&party.id).await.unwrap().as_ref(), Some(&party));
    party.last_seen = later.after(Span::secs(1));
    db.store.party_left(&party.id, party.last_seen).await.unwrap();
    assert_eq!(db.store.party(&party.id).await.unwrap(), Some(party));
    assert_eq!(db.store.party(&mk_party_id("b")).await.unwrap(), None);
}

async fn parties_come_by_name_page_by_page(db: Opened) {
    for name in ["b", "a-10", "a-9", "c", "a"] {
        db.store.party_seen(&mk_party(name)).await.unwrap();
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = db.store.parties(after.as_ref(), 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        seen.extend(page.iter().map(|party| party.id.to_string()));
    }
    assert_eq!(seen, ["a", "a-10", "a-9", "b", "c"]);
}
