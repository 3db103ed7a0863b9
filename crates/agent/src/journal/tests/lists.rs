//! Lists: filters, order and pages.

use flow_domain::{AssignmentId, AssignmentState, Desired};

use super::{
    home::{Home, until},
    samples::{id_of, live, mk_run, mk_spec, mk_task},
};
use crate::journal::{After, Filter, Journal};

on_all!(lists_go_from_the_newest_page_by_page, lists_are_narrowed);

async fn ids(journal: &Journal, filter: Filter) -> Vec<AssignmentId> {
    let found = journal.assignments(&filter, 100).await.unwrap();
    found.iter().map(|entry| entry.id).collect()
}

async fn lists_go_from_the_newest_page_by_page(home: Home) {
    let journal = home.open().await;
    let given: Vec<_> = (0..23).map(|run| live(&journal, run, run % 2)).collect();
    until(&journal, given[22], |entry| entry.desired.is_none()).await;
    let (mut found, mut filter) = (Vec::new(), Filter::default());
    loop {
        let page = journal.assignments(&filter, 5).await.unwrap();
        let Some(last) = page.last() else { break };
        filter.after = Some(After {
            given_at: last.given_at,
            id: last.id,
        });
        found.extend(page);
    }
    let order: Vec<_> = found
        .iter()
        .map(|entry| (entry.given_at, entry.id.to_string()))
        .collect();
    assert!(order.is_sorted_by(|one, next| one > next), "{order:?}");
    let mut found: Vec<_> = found.into_iter().map(|entry| entry.id).collect();
    let mut given = given;
    found.sort_unstable();
    given.sort_unstable();
    assert_eq!(found, given);
}

async fn lists_are_narrowed(home: Home) {
    let journal = home.open().await;
    let (first, second) = (live(&journal, 1, 5), live(&journal, 2, 6));
    let spec = mk_spec(3, 6);
    let third = id_of(&spec);
    journal.wanted(third, 1, Desired::Prepare, &spec);
    until(&journal, third, |entry| entry.desired.is_some()).await;
    let of_run = Filter {
        run: Some(mk_run(1)),
        ..Filter::default()
    };
    assert_eq!(ids(&journal, of_run.clone()).await, [first]);
    let of_task = Filter {
        task: Some(mk_task(6)),
        ..Filter::default()
    };
    assert_eq!(ids(&journal, of_task.clone()).await.len(), 2);
    let ended = Filter {
        state: Some(AssignmentState::Succeeded),
        ..of_task
    };
    assert_eq!(ids(&journal, ended).await, [second]);
    let nothing = Filter {
        task: Some(mk_task(6)),
        ..of_run
    };
    assert_eq!(ids(&journal, nothing).await, []);
}
