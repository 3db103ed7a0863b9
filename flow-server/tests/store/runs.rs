//! Runs in lists, at parties, and when they are due.

use flow_domain::{RunState, Timestamp};
use flow_server::store::{RunFilter, StoreError};

use crate::{
    databases::Opened,
    samples::{NOW, mk_event, mk_party_id, mk_run, mk_run_of, mk_task, mk_template, planned},
};

on_all!(
    a_run_is_found_as_it_was_stored,
    runs_are_listed_newest_first_by_task_and_states,
    what_is_due_comes_in_the_order_of_its_wish,
    a_party_gets_the_gangs_that_it_has_a_live_part_in,
    events_come_in_order_and_page_by_page,
);

async fn a_run_is_found_as_it_was_stored(db: Opened) {
    let run = mk_run();
    db.store.insert_run(&run, &mk_event("accepted"), None).await.unwrap();
    let loaded = db.store.gang(run.id).await.unwrap().unwrap();
    assert_eq!((&loaded.gang.run, loaded.gang.assignments.len()), (&run, 0));
    assert_eq!(loaded.wake_at, Some(NOW));
    assert!(db.store.gang(mk_run().id).await.unwrap().is_none());
}

async fn runs_are_listed_newest_first_by_task_and_states(db: Opened) {
    let template = mk_template("digits");
    let tasks = [mk_task("one", &template), mk_task("two", &template)];
    let states = [RunState::Queued, RunState::Running, RunState::Failed];
    let mut runs = Vec::new();
    for number in 0..18 {
        let mut run = mk_run_of(&tasks[number % 2], &template);
        run.state = states[number % 3];
        db.store.insert_run(&run, &mk_event("accepted"), None).await.unwrap();
        runs.insert(0, run);
    }
    for task in [None, Some(tasks[0].id)] {
        for chosen in [
            &[][..],
            &states[..1],
            &states[1..],
            &[RunState::Failed, RunState::Failed, RunState::Cancelled],
        ] {
            let wanted: Vec<_> = runs
                .iter()
                .filter(|run| task.is_none_or(|task| run.task == task))
                .filter(|run| chosen.is_empty() || chosen.contains(&run.state))
                .map(|run| run.id)
                .collect();
            let mut filter = RunFilter {
                task,
                states: chosen.to_vec(),
                after: None,
            };
            let mut seen = Vec::new();
            loop {
                let page = db.store.runs(&filter, 2).await.unwrap();
                let Some(last) = page.last() else { break };
                filter.after = Some(last.id);
                seen.extend(page.iter().map(|run| run.id));
            }
            assert_eq!(seen, wanted, "{chosen:?}");
        }
    }
}

async fn what_is_due_comes_in_the_order_of_its_wish(db: Opened) {
    let mut runs = Vec::new();
    for wish in [5, 3, 9, 3] {
        let run = mk_run();
        db.store.insert_run(&run, &mk_event("accepted"), None).await.unwrap();
        wake(&db, &run, Some(Timestamp(wish))).await;
        runs.push(run.id);
    }
    let over = mk_run();
    db.store.insert_run(&over, &mk_event("accepted"), None).await.unwrap();
    wake(&db, &over, None).await;
    assert_eq!(
        db.store.due_runs(Timestamp(5), 10).await.unwrap(),
        [runs[1], runs[3], runs[0]]
    );
    assert_eq!(db.store.due_runs(Timestamp(5), 1).await.unwrap(), [runs[1]]);
    assert_eq!(db.store.due_runs(Timestamp(i64::MAX), 10).await.unwrap().len(), 4);
    assert_eq!(db.store.due_runs(Timestamp(2), 10).await.unwrap(), []);
}

async fn wake(db: &Opened, run: &flow_domain::Run, at: Option<Timestamp>) {
    let change = |loaded: &flow_server::store::Loaded| {
        let gang = loaded.gang.as_ref().clone();
        Ok(Some((
            flow_domain::gang::Planned {
                gang,
                events: Vec::new(),
            },
            at,
        )))
    };
    db.store.change_gang::<StoreError>(run.id, change).await.unwrap();
}

async fn a_party_gets_the_gangs_that_it_has_a_live_part_in(db: Opened) {
    let (a, c) = (mk_party_id("a"), mk_party_id("c"));
    let mut ids = Vec::new();
    for _ in 0..3 {
        let run = mk_run();
        db.store.insert_run(&run, &mk_event("accepted"), None).await.unwrap();
        db.store
            .change_gang::<StoreError>(run.id, |loaded| Ok(Some((planned(&loaded.gang), Some(NOW)))))
            .await
            .unwrap();
        ids.push(run.id);
    }
    let mut there: Vec<_> = db.store.gangs_at(&a).await.unwrap();
    there.sort_by_key(|gang| gang.run.id);
    assert_eq!(there.iter().map(|gang| gang.run.id).collect::<Vec<_>>(), ids);
    let stored = db.store.gang(ids[0]).await.unwrap().unwrap().gang;
    assert!(stored.assignments.len() >= 3 && there[0] == *stored);
    assert_eq!(db.store.gangs_at(&c).await.unwrap(), []);
    // One whose parts have all ended is not the agent's any more.
    let ended = db
        .store
        .change_gang::<StoreError>(ids[0], |loaded| {
            let mut gang = loaded.gang.as_ref().clone();
            for assignment in &mut gang.assignments {
                assignment.state = flow_domain::AssignmentState::Stopped;
            }
            Ok(Some((
                flow_domain::gang::Planned {
                    gang,
                    events: Vec::new(),
                },
                Some(NOW),
            )))
        })
        .await
        .unwrap()
        .unwrap();
    let (before, after) = (ended.0, ended.1.unwrap().gang);
    assert_eq!(crate::samples::final_ones(&before.assignments), 0);
    assert_eq!(crate::samples::final_ones(&after.assignments), after.assignments.len());
    assert_eq!(db.store.gangs_at(&a).await.unwrap().len(), 2);
}

async fn events_come_in_order_and_page_by_page(db: Opened) {
    let run = mk_run();
    db.store.insert_run(&run, &mk_event("1"), None).await.unwrap();
    for change in 0..3 {
        db.store
            .change_gang::<StoreError>(run.id, |loaded| {
                let events = (2..5)
                    .map(|number| mk_event(&(change * 3 + number).to_string()))
                    .collect();
                let gang = loaded.gang.as_ref().clone();
                Ok(Some((flow_domain::gang::Planned { gang, events }, Some(NOW))))
            })
            .await
            .unwrap();
    }
    let all = db.store.events(run.id, 0, 100).await.unwrap();
    let messages: Vec<_> = all.iter().map(|stored| stored.event.message.clone()).collect();
    assert_eq!(messages, ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    assert_eq!(
        all.iter().map(|stored| stored.sequence).collect::<Vec<_>>(),
        (1..=10).collect::<Vec<_>>()
    );
    let page = db.store.events(run.id, 4, 2).await.unwrap();
    assert_eq!(page, all[4..6]);
    assert_eq!(db.store.events(mk_run().id, 0, 10).await.unwrap(), []);
}
