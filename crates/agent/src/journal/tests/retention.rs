//! Which files are kept, and what is forgotten.

use flow_domain::{AssignmentId, Desired};

use super::{
    home::{Home, until},
    samples::{id_of, live, mk_spec},
    within,
};
use crate::journal::{Filter, Journal};

on_all!(
    the_newest_keep_their_files_over_a_restart,
    what_is_wanted_again_keeps_its_files,
    the_oldest_that_ended_are_forgotten,
);

/// One that has ended, and those whose files went for it.
pub(super) async fn ended(journal: &Journal, run: u128) -> (AssignmentId, Vec<AssignmentId>) {
    let id = live(journal, run, 1);
    let over = journal.cleared(id);
    for id in &over {
        journal.purged(*id);
    }
    until(journal, id, |entry| entry.cleared_at.is_some()).await;
    (id, over)
}

async fn the_newest_keep_their_files_over_a_restart(home: Home) {
    let journal = home.open().await;
    journal.retain(2);
    let (first, over) = ended(&journal, 1).await;
    assert_eq!(over, []);
    let (second, over) = ended(&journal, 2).await;
    assert_eq!(over, []);
    let (third, over) = ended(&journal, 3).await;
    assert_eq!(over, [first]);
    until(&journal, first, |entry| entry.purged_at.is_some()).await;
    drop(journal);
    let journal = home.open().await;
    journal.retain(2);
    // What an agent finds in its folder after a restart is cleared away again: nothing new.
    assert_eq!((journal.cleared(second), journal.cleared(third)), (vec![], vec![]));
    let (_, over) = ended(&journal, 4).await;
    assert_eq!(over, [second]);
}

async fn what_is_wanted_again_keeps_its_files(home: Home) {
    let journal = home.open().await;
    journal.retain(1);
    let (first, _) = ended(&journal, 1).await;
    journal.wanted(first, 3, Desired::Run, &mk_spec(1, 1));
    until(&journal, first, |entry| entry.cleared_at.is_none()).await;
    let (_, over) = ended(&journal, 2).await;
    assert_eq!(over, []);
}

async fn the_oldest_that_ended_are_forgotten(mut home: Home) {
    home.config.keep = 4;
    let journal = home.open().await;
    journal.retain(1);
    let spec = mk_spec(100, 1);
    let running = id_of(&spec);
    journal.wanted(running, 1, Desired::Run, &spec);
    let mut ids = Vec::new();
    for run in 0..10 {
        ids.push(ended(&journal, run).await.0);
    }
    let left = async || {
        let left = journal.assignments(&Filter::default(), 100).await.unwrap();
        let mut left: Vec<_> = left.into_iter().map(|entry| entry.id).collect();
        left.sort_unstable();
        left
    };
    let mut newest = [&ids[7..], &[running]].concat();
    newest.sort_unstable();
    within("the oldest are forgotten", async || left().await == newest).await;
    assert_eq!(journal.events(ids[0], 0, 10).await.unwrap(), []);
    assert_eq!(journal.events(ids[9], 0, 10).await.unwrap().len(), 7);
}
