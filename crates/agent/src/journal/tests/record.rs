//! What is noted of an assignment, over restarts.

use flow_domain::{AssignmentState, Desired, Progress};

use super::{
    home::{Home, until},
    samples::{id_of, live, mk_run, mk_spec, mk_status},
};
use crate::journal::{Entry, Journal, What};

on_all!(
    everything_from_the_wish_to_the_end_is_there_in_order,
    what_was_written_survives_a_crash_and_noting_it_again_changes_nothing,
    what_is_noted_last_is_written_at_the_end,
    what_was_not_asked_is_noted_too,
    what_nobody_wants_and_is_not_here_is_over,
    states_only_move_on,
    an_endless_assignment_has_not_endless_events,
);

/// What happened, in short.
async fn story(journal: &Journal, entry: &Entry) -> Vec<String> {
    let events = journal.events(entry.id, 0, 2_000).await.unwrap();
    assert!(
        events.iter().map(|event| event.sequence).eq(1..=entry.events),
        "{events:?}"
    );
    let short = |what: What| match what {
        What::Wanted { desired, generation } => format!("wanted {desired:?} {generation}"),
        What::State { state, .. } => state.to_string(),
        other => format!("{other:?}"),
    };
    events.into_iter().map(|event| short(event.what)).collect()
}

const WHOLE: [&str; 7] = [
    "wanted Prepare 1",
    "Prepared",
    "wanted Run 2",
    "Running",
    "Succeeded",
    "Unwanted",
    "Cleared",
];

async fn everything_from_the_wish_to_the_end_is_there_in_order(home: Home) {
    let journal = home.open().await;
    let spec = mk_spec(7, 3);
    let id = live(&journal, 7, 3);
    assert_eq!(journal.cleared(id), []);
    until(&journal, id, |entry| entry.cleared_at.is_some()).await;
    let entry = journal.assignment(id).await.unwrap().unwrap();
    assert_eq!(story(&journal, &entry).await, WHOLE);
    let asked = entry.asked.clone().unwrap();
    assert_eq!((asked.run, asked.task, asked.attempt), (spec.run, spec.task, 1));
    assert_eq!(
        (asked.task_name.as_str(), asked.framework.as_str()),
        ("task 3", "iflearner")
    );
    assert_eq!(
        (asked.role.as_str(), asked.dataset.as_deref()),
        ("party", Some("digits"))
    );
    assert_eq!((entry.generation, entry.desired), (2, None));
    assert_eq!((entry.state, entry.exit_code), (AssignmentState::Succeeded, Some(0)));
    assert_eq!(entry.ended_at.map(|at| at.0), Some(77));
    let stored = journal.spec(id).await.unwrap().unwrap();
    assert_eq!(stored, serde_json::to_value(&*spec).unwrap());
    let later = journal.events(id, 5, 1).await.unwrap();
    assert!(
        matches!(later[..], [ref event] if event.sequence == 6 && event.what == What::Unwanted),
        "{later:?}"
    );
}

async fn what_was_written_survives_a_crash_and_noting_it_again_changes_nothing(home: Home) {
    let journal = home.open().await;
    let id = live(&journal, 7, 3);
    until(&journal, id, |entry| entry.desired.is_none()).await;
    let before = journal.assignment(id).await.unwrap().unwrap();
    // Dropped, not closed: as if it had been killed.
    drop(journal);
    let journal = home.open().await;
    assert_eq!(journal.assignment(id).await.unwrap().as_ref(), Some(&before));
    journal.unwanted(id);
    journal.seen(id, &mk_status(AssignmentState::Succeeded), false);
    journal.cleared(id);
    until(&journal, id, |entry| entry.cleared_at.is_some()).await;
    journal.seen(id, &mk_status(AssignmentState::Succeeded), false);
    let last = live(&journal, 8, 3);
    until(&journal, last, |entry| entry.desired.is_none()).await;
    let entry = journal.assignment(id).await.unwrap().unwrap();
    assert_eq!(story(&journal, &entry).await, WHOLE);
}

async fn what_is_noted_last_is_written_at_the_end(home: Home) {
    let journal = home.open().await;
    let ids: Vec<_> = (0..200).map(|run| live(&journal, run, 1)).collect();
    let running = mk_spec(1_000, 1);
    journal.wanted(id_of(&running), 1, Desired::Run, &running);
    let mut status = mk_status(AssignmentState::Running);
    journal.seen(id_of(&running), &status, false);
    status.progress = Progress {
        round: 9,
        ..Progress::default()
    };
    journal.seen(id_of(&running), &status, true);
    journal.close().await;
    let journal = home.open().await;
    for id in ids {
        let entry = journal.assignment(id).await.unwrap().unwrap();
        assert_eq!(entry.events, 6, "{entry:?}");
    }
    let entry = journal.assignment(id_of(&running)).await.unwrap().unwrap();
    assert_eq!((entry.progress.round, entry.events), (9, 2));
}

/// An order that cannot be read is refused, and a job may be there that the journal knows nothing of.
async fn what_was_not_asked_is_noted_too(home: Home) {
    let journal = home.open().await;
    let id = id_of(&mk_spec(1, 1));
    journal.seen(id, &mk_status(AssignmentState::Rejected), false);
    until(&journal, id, |entry| entry.state == AssignmentState::Rejected).await;
    let entry = journal.assignment(id).await.unwrap().unwrap();
    assert_eq!(
        (entry.asked.as_ref(), story(&journal, &entry).await),
        (None, vec!["Rejected".to_owned()])
    );
    assert_eq!(journal.spec(id).await.unwrap(), None);
}

async fn what_nobody_wants_and_is_not_here_is_over(home: Home) {
    let journal = home.open().await;
    let (lost, kept) = (live(&journal, 1, 1), live(&journal, 2, 1));
    let running = mk_spec(3, 1);
    let here = id_of(&running);
    journal.cleared(kept);
    journal.wanted(here, 1, Desired::Prepare, &running);
    journal.only([here].into());
    until(&journal, lost, |entry| entry.purged_at.is_some()).await;
    let entry = journal.assignment(lost).await.unwrap().unwrap();
    assert_eq!(entry.state, AssignmentState::Succeeded);
    let entry = journal.assignment(kept).await.unwrap().unwrap();
    assert!(entry.cleared_at.is_some() && entry.purged_at.is_none(), "{entry:?}");
    let entry = journal.assignment(here).await.unwrap().unwrap();
    assert_eq!(entry.cleared_at, None);
    journal.only([].into());
    until(&journal, here, |entry| entry.state == AssignmentState::Lost).await;
    let entry = journal.assignment(here).await.unwrap().unwrap();
    let asked = entry.asked.as_ref().map(|asked| asked.run);
    assert_eq!(asked, Some(mk_run(3)));
    assert_eq!(
        story(&journal, &entry).await,
        ["wanted Prepare 1", "Unwanted", "Lost", "Purged"]
    );
}

async fn states_only_move_on(home: Home) {
    let journal = home.open().await;
    let id = live(&journal, 1, 1);
    journal.seen(id, &mk_status(AssignmentState::Running), false);
    journal.seen(id, &mk_status(AssignmentState::Failed), false);
    journal.cleared(id);
    until(&journal, id, |entry| entry.cleared_at.is_some()).await;
    let entry = journal.assignment(id).await.unwrap().unwrap();
    assert_eq!(story(&journal, &entry).await, WHOLE);
}

async fn an_endless_assignment_has_not_endless_events(home: Home) {
    let journal = home.open().await;
    let spec = mk_spec(1, 1);
    let id = id_of(&spec);
    journal.wanted(id, 1, Desired::Run, &spec);
    for number in 0..1_500 {
        let mut status = mk_status(AssignmentState::Running);
        status.ready = number % 2 == 0;
        journal.seen(id, &status, false);
    }
    journal.seen(id, &mk_status(AssignmentState::Succeeded), false);
    until(&journal, id, |entry| entry.state == AssignmentState::Succeeded).await;
    let entry = journal.assignment(id).await.unwrap().unwrap();
    assert_eq!(entry.events, 1_001);
    assert_eq!(story(&journal, &entry).await.last().unwrap(), "Succeeded");
}
