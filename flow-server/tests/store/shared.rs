//! Several servers on one database: who holds what, who is attached where, and what one hears of the others.

use std::time::Duration;

use flow_domain::{
    Span,
    gang::{Event, Planned},
    party::{Liveness, Presence},
};
use flow_server::store::{
    Loaded, Store, StoreError,
    shared::{Attached, Beat, Beaten, Fence, Notice, Noticed, ServerId, SessionId, TERM},
};
use uuid::Uuid;

use crate::{
    databases::Opened,
    samples::{NOW, mk_event, mk_party_id, mk_run, planned},
    within,
};

on_all!(
    one_server_holds_a_lease_until_it_leaves,
    a_silent_server_is_gone_and_its_lease_goes_to_another,
    the_newest_session_of_a_party_is_known,
    who_starts_anew_at_an_address_takes_over_what_was_held_there,
);

fn mk_server() -> ServerId {
    ServerId(Uuid::new_v4())
}

fn mk_attached(party: &str, server: ServerId, number: u64) -> Attached {
    Attached {
        party: mk_party_id(party),
        session: SessionId { server, number },
        presence: Presence {
            liveness: Liveness::Online,
            since: NOW,
        },
    }
}

async fn beat(store: &Store, server: ServerId) -> Beaten {
    let beat = Beat {
        server,
        address: format!("{server}:1237"),
        wants: vec!["planner", "center"],
        first: false,
    };
    store.beat(&beat).await.unwrap()
}

fn epochs(beaten: &Beaten) -> Vec<(&str, u64)> {
    let leases = beaten.leases.iter();
    leases.map(|(name, epoch)| (name.as_str(), *epoch)).collect()
}

async fn one_server_holds_a_lease_until_it_leaves(db: Opened) {
    let (first, second) = (mk_server(), mk_server());
    assert_eq!(epochs(&beat(&db.store, first).await), [("center", 1), ("planner", 1)]);
    let seen = beat(&db.store, second).await;
    assert_eq!(epochs(&seen), []);
    assert_eq!(seen.others, [(first, format!("{first}:1237"))].into());
    let renewed = beat(&db.store, first).await;
    assert_eq!(
        epochs(&renewed),
        [("center", 1), ("planner", 1)],
        "renewing begins no new epoch"
    );
    assert_eq!(renewed.others.len(), 1);
    db.store.leave(first).await.unwrap();
    let seen = beat(&db.store, second).await;
    assert_eq!(epochs(&seen), [("center", 2), ("planner", 2)]);
    assert_eq!(seen.others, [].into());
}

async fn who_starts_anew_at_an_address_takes_over_what_was_held_there(db: Opened) {
    let (before, again) = (mk_server(), mk_server());
    let at = |server, first| Beat {
        server,
        address: "flow-1:1237".to_owned(),
        wants: vec!["planner"],
        first,
    };
    let begun = db.store.beat(&at(before, true)).await.unwrap();
    assert_eq!(epochs(&begun), [("planner", 1)]);
    assert_eq!(epochs(&db.store.beat(&at(again, false)).await.unwrap()), []);
    let begun = db.store.beat(&at(again, true)).await.unwrap();
    assert_eq!(epochs(&begun), [("planner", 2)]);
    assert_eq!(begun.others, [].into());
    let nameless = |server| Beat {
        address: String::new(),
        ..at(server, true)
    };
    db.store.leave(again).await.unwrap();
    assert_eq!(
        epochs(&db.store.beat(&nameless(mk_server())).await.unwrap()),
        [("planner", 3)]
    );
    let other = db.store.beat(&nameless(mk_server())).await.unwrap();
    assert_eq!(epochs(&other), [], "who names no address is nobody's earlier life");
}

async fn a_silent_server_is_gone_and_its_lease_goes_to_another(db: Opened) {
    let (first, second) = (mk_server(), mk_server());
    let began = std::time::Instant::now();
    beat(&db.store, first).await;
    within("the second server may plan", async || {
        let seen = beat(&db.store, second).await;
        seen.others.is_empty() && epochs(&seen) == [("center", 2), ("planner", 2)]
    })
    .await;
    assert!(
        began.elapsed() >= TERM - Duration::from_millis(50),
        "{:?}",
        began.elapsed()
    );
}

async fn the_newest_session_of_a_party_is_known(db: Opened) {
    let (first, second) = (mk_server(), mk_server());
    let (older, newer) = (mk_attached("a", first, 7), mk_attached("a", second, 1));
    db.store.attached(&older).await.unwrap();
    db.store.attached(&mk_attached("b", first, 8)).await.unwrap();
    db.store.attached(&newer).await.unwrap();
    let offline = Presence {
        liveness: Liveness::Offline,
        since: NOW.after(Span::secs(1)),
    };
    let ended = Attached {
        presence: offline,
        ..older
    };
    assert!(
        !db.store.heard(&ended).await.unwrap(),
        "the older session says nothing any more"
    );
    let a = mk_party_id("a");
    assert_eq!(
        db.store.presences(Some(&a)).await.unwrap(),
        std::slice::from_ref(&newer)
    );
    let ended = Attached {
        presence: offline,
        ..newer
    };
    assert!(db.store.heard(&ended).await.unwrap());
    assert!(
        db.store.heard(&ended).await.unwrap(),
        "the same once more is no other session's"
    );
    assert_eq!(db.store.presences(Some(&a)).await.unwrap(), [ended]);
    assert_eq!(db.store.presences(None).await.unwrap().len(), 2);
}

/// What one server hears of what another does, and the first greatest number.
async fn heard(store: &Store, after: u64) -> Vec<Notice> {
    let noticed: Vec<Noticed> = store.notices(after, &[]).await.unwrap();
    assert!(noticed.is_sorted_by_key(|noticed| noticed.number));
    noticed.into_iter().filter_map(|noticed| noticed.notice).collect()
}

#[tokio::test]
async fn every_change_that_others_need_is_noticed_with_it() {
    let db = Opened::mariadb().await;
    assert!(db.store.is_shared());
    let store = db.store.clone().used_by(mk_server());
    let run = mk_run();
    store.insert_run(&run, &mk_event("accepted"), None).await.unwrap();
    let begin = |loaded: &Loaded| Ok::<_, StoreError>(Some((planned(&loaded.gang), Some(NOW))));
    store.change_gang(run.id, begin).await.unwrap();
    // Only when it is to be looked at again: nobody else needs that.
    let later = |loaded: &Loaded| {
        let same = Planned {
            gang: loaded.gang.as_ref().clone(),
            events: Vec::<Event>::new(),
        };
        Ok::<_, StoreError>(Some((same, Some(NOW.after(Span::secs(9))))))
    };
    store.change_gang(run.id, later).await.unwrap();
    store.attached(&mk_attached("a", mk_server(), 1)).await.unwrap();
    let told = ["a", "b", "center"].map(mk_party_id).into();
    let id = run.id;
    let expected = [
        Notice::Run {
            run: id,
            parties: [].into(),
            queue: true,
        },
        Notice::Run {
            run: id,
            parties: told,
            queue: false,
        },
        Notice::Party(mk_party_id("a")),
    ];
    assert_eq!(heard(&db.store, 0).await, expected);
    let newest = db.store.newest_notice().await.unwrap();
    assert_eq!(heard(&db.store, newest).await, []);
    assert_eq!(
        db.store.notices(newest, &[newest]).await.unwrap().len(),
        1,
        "one that was missed"
    );
    db.store.forget_notices(newest).await.unwrap();
    assert_eq!(heard(&db.store, 0).await, []);
}

#[tokio::test]
async fn a_change_that_is_refused_is_not_noticed() {
    let db = Opened::mariadb().await;
    let store = db.store.clone().used_by(mk_server());
    let run = mk_run();
    store.insert_run(&run, &mk_event("accepted"), None).await.unwrap();
    let newest = db.store.newest_notice().await.unwrap();
    let fence = Fence {
        lease: "planner",
        epoch: 1,
    };
    let begin = |loaded: &Loaded| Ok::<_, StoreError>(Some((planned(&loaded.gang), Some(NOW))));
    let refused = store.change_gang_under(Some(&fence), run.id, begin).await.unwrap_err();
    assert!(matches!(refused, StoreError::TakenOver("planner")), "{refused}");
    assert_eq!(heard(&db.store, newest).await, []);
}

#[tokio::test]
async fn what_was_decided_under_a_lease_is_refused_when_another_has_it() {
    let db = Opened::mariadb().await;
    let (first, second) = (mk_server(), mk_server());
    let (of_first, of_second) = (db.store.clone().used_by(first), db.store.clone().used_by(second));
    let run = mk_run();
    of_first.insert_run(&run, &mk_event("accepted"), None).await.unwrap();
    let epoch = beat(&of_first, first).await.leases["planner"];
    let fence = Fence {
        lease: "planner",
        epoch,
    };
    let begin = |loaded: &Loaded| Ok::<_, StoreError>(Some((planned(&loaded.gang), Some(NOW))));
    let foreign = of_second
        .change_gang_under(Some(&fence), run.id, begin)
        .await
        .unwrap_err();
    assert!(matches!(foreign, StoreError::TakenOver(_)), "{foreign}");
    db.store.leave(first).await.unwrap();
    let epoch = beat(&of_second, second).await.leases["planner"];
    let late = of_first
        .change_gang_under(Some(&fence), run.id, begin)
        .await
        .unwrap_err();
    assert!(matches!(late, StoreError::TakenOver(_)), "{late}");
    let fence = Fence {
        lease: "planner",
        epoch,
    };
    let (_, made) = of_second
        .change_gang_under(Some(&fence), run.id, begin)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(made.unwrap().gang.assignments.len(), 3);
}
