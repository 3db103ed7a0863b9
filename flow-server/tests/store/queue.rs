//! Who waits, and what is taken.

use flow_domain::{
    RunState,
    gang::Planned,
    queue::{Demand, Taken},
};
use flow_server::store::StoreError;

use crate::{
    databases::Opened,
    samples::{NOW, mk_event, mk_party_id, mk_run, planned},
};

on_all!(a_run_waits_then_takes_and_gives_back, who_takes_part_is_settled_once);

async fn a_run_waits_then_takes_and_gives_back(db: Opened) {
    let mut run = mk_run();
    run.spec.policies.priority = -7;
    run.spec.resources.cpu = Some("1500m".parse().unwrap());
    let other = mk_run();
    for run in [&run, &other] {
        db.store.insert_run(run, &mk_event("accepted"), None).await.unwrap();
    }
    let queue = db.store.queue().await.unwrap();
    assert_eq!(queue.taken, Taken::new());
    let waiting = queue.waiting.iter().find(|waiting| waiting.run == run.id).unwrap();
    assert_eq!((waiting.priority, waiting.since), (-7, NOW));
    let trains = Demand {
        cpu: 1500,
        ..Demand::SLOT
    };
    let demands: Taken = [("a", trains), ("b", trains), ("center", Demand::SLOT)]
        .map(|(party, demand)| (mk_party_id(party), demand))
        .into();
    assert_eq!((&waiting.needs.fixed, &waiting.needs.choice), (&demands, &None));
    assert_eq!(queue.said[&run.id], "Submitted: accepted");

    let begin = |loaded: &flow_server::store::Loaded| Ok::<_, StoreError>(Some((planned(&loaded.gang), Some(NOW))));
    db.store.change_gang(run.id, begin).await.unwrap();
    let queue = db.store.queue().await.unwrap();
    assert_eq!(queue.taken, demands);
    let waiting: Vec<_> = queue.waiting.iter().map(|waiting| waiting.run).collect();
    assert_eq!(waiting, [other.id]);

    let end = |loaded: &flow_server::store::Loaded| {
        let mut gang = loaded.gang.as_ref().clone();
        gang.run.state = RunState::Failed;
        Ok::<_, StoreError>(Some((
            Planned {
                gang,
                events: Vec::new(),
            },
            None,
        )))
    };
    db.store.change_gang(run.id, end).await.unwrap();
    assert_eq!(db.store.queue().await.unwrap().taken, Taken::new());
}

async fn who_takes_part_is_settled_once(db: Opened) {
    let mut run = mk_run();
    run.spec.min_parties = Some(1);
    db.store.insert_run(&run, &mk_event("accepted"), None).await.unwrap();
    let queue = db.store.queue().await.unwrap();
    assert_eq!(queue.waiting[0].needs, run.spec.needs());
    assert!(queue.waiting[0].needs.choice.is_some());

    let begin = |loaded: &flow_server::store::Loaded| {
        let mut gang = loaded.gang.as_ref().clone();
        assert!(gang.run.spec.settle(&[mk_party_id("b")]));
        Ok::<_, StoreError>(Some((planned(&gang), Some(NOW))))
    };
    db.store.change_gang(run.id, begin).await.unwrap();
    let stored = db.store.gang(run.id).await.unwrap().unwrap().gang.run.clone();
    assert_eq!(stored.spec.participants, [run.spec.participants[1].clone()]);
    let taken = db.store.queue().await.unwrap().taken;
    assert_eq!(taken, stored.spec.demands());
    assert!(!taken.contains_key(&mk_party_id("a")));
}
