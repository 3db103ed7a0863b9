//! Pages by number, what is counted beside them, former ids, and the newest run of a task.

use flow_domain::{PartyId, TaskId, task::Task};
use flow_server::store::{Store, Window};

use crate::{
    databases::Opened,
    samples::{mk_event, mk_party_id, mk_run_of, mk_task, mk_template},
};

on_all!(
    every_page_has_its_part_and_the_total,
    what_is_counted_follows_every_change,
    the_newest_run_of_each_task_is_found,
    a_former_id_is_found,
);
/// Where they are kept in tables.
mod tables {
    use super::{what_was_there_before_is_counted, writers_at_once_are_all_counted};

    on_both!(what_was_there_before_is_counted, writers_at_once_are_all_counted);
}

async fn page(store: &Store, party: Option<&PartyId>, skip: u64, limit: u64) -> (Vec<TaskId>, u64) {
    let found = store.task_page(party, Window { skip, limit }).await.unwrap();
    (found.items.iter().map(|task| task.id).collect(), found.total)
}

async fn total(store: &Store, party: &str) -> u64 {
    page(store, Some(&mk_party_id(party)), 0, 1).await.1
}

/// So many tasks, oldest first; every other one without party `b`.
async fn filled(store: &Store, count: usize) -> Vec<Task> {
    let template = mk_template("digits");
    store.insert_template(&template, None).await.unwrap();
    let mut tasks = Vec::new();
    for number in 0..count {
        let mut task = mk_task(&format!("task {number}"), &template);
        if number % 2 == 1 {
            task.spec.participants.truncate(1);
        }
        store.insert_task(&task, None).await.unwrap();
        tasks.push(task);
    }
    tasks
}

async fn every_page_has_its_part_and_the_total(db: Opened) {
    let tasks = filled(&db.store, 7).await;
    let all: Vec<TaskId> = tasks.iter().rev().map(|task| task.id).collect();
    let of_b: Vec<TaskId> = all.iter().copied().step_by(2).collect();
    let b = mk_party_id("b");
    for limit in 1..=8 {
        for skip in 0..9 {
            let part = |ids: &[TaskId]| ids.iter().copied().skip(skip).take(limit).collect::<Vec<_>>();
            let (at, most) = (skip as u64, limit as u64);
            assert_eq!(page(&db.store, None, at, most).await, (part(&all), 7), "{skip} {limit}");
            assert_eq!(
                page(&db.store, Some(&b), at, most).await,
                (part(&of_b), 4),
                "{skip} {limit}"
            );
        }
    }
    let templates = db.store.template_page(Window { skip: 0, limit: 5 }).await.unwrap();
    assert_eq!((templates.items.len(), templates.total), (1, 1));
    let beyond = db.store.template_page(Window { skip: 1, limit: 5 }).await.unwrap();
    assert_eq!((beyond.items.len(), beyond.total), (0, 1));
}

async fn what_is_counted_follows_every_change(db: Opened) {
    let mut tasks = filled(&db.store, 3).await;
    let counted = async || {
        (
            page(&db.store, None, 0, 1).await.1,
            total(&db.store, "a").await,
            total(&db.store, "b").await,
        )
    };
    assert_eq!(counted().await, (3, 3, 2));
    let task = &mut tasks[0];
    task.revision += 1;
    task.spec.participants.remove(0);
    task.spec.participants[0].party = mk_party_id("c");
    db.store.update_task(task).await.unwrap();
    assert_eq!((counted().await, total(&db.store, "c").await), ((3, 2, 1), 1));
    let same = tasks[0].clone();
    db.store.update_task(&same).await.unwrap_err();
    assert_eq!(
        (counted().await, total(&db.store, "c").await),
        ((3, 2, 1), 1),
        "a change that was refused"
    );
    db.store.insert_task(&tasks[1], None).await.unwrap_err();
    db.store.delete_task(&tasks[2]).await.unwrap();
    assert_eq!(counted().await, (2, 1, 0));
    db.store.delete_task(&tasks[2]).await.unwrap_err();
    assert_eq!(counted().await, (2, 1, 0));
}

async fn the_newest_run_of_each_task_is_found(db: Opened) {
    let tasks = filled(&db.store, 3).await;
    let template = mk_template("digits");
    let mut newest = Vec::new();
    for task in &tasks[..2] {
        for _ in 0..3 {
            let run = mk_run_of(task, &template);
            db.store.insert_run(&run, &mk_event("accepted"), None).await.unwrap();
            newest.retain(|(of, _)| *of != task.id);
            newest.push((task.id, run.id));
        }
    }
    let ids: Vec<TaskId> = tasks.iter().map(|task| task.id).collect();
    let found = db.store.newest_gangs(&ids).await.unwrap();
    let mut found: Vec<_> = found.iter().map(|gang| (gang.run.task, gang.run.id)).collect();
    found.sort();
    newest.sort();
    assert_eq!(found, newest);
    assert!(db.store.newest_gangs(&[]).await.unwrap().is_empty());
}

async fn a_former_id_is_found(db: Opened) {
    assert_eq!(db.store.alias("task", "old").await.unwrap(), None);
    db.store.note_alias("task", "old", "1").await.unwrap();
    db.store.note_alias("template", "old", "2").await.unwrap();
    db.store.note_alias("task", "old", "3").await.unwrap();
    assert_eq!(db.store.alias("task", "old").await.unwrap().as_deref(), Some("3"));
    assert_eq!(db.store.alias("template", "old").await.unwrap().as_deref(), Some("2"));
}

async fn what_was_there_before_is_counted(db: Opened) {
    filled(&db.store, 5).await;
    // As a database was before there were pages by number.
    for statement in [
        "DROP TABLE block",
        "DROP TABLE participant",
        "DROP TABLE alias",
        "DELETE FROM seaql_migrations WHERE version IN ('m20261121_000003_pages', 'm20261121_000005_blocks')",
    ] {
        db.execute(statement).await;
    }
    let store = Store::open(&db.url, 2).await.unwrap();
    assert_eq!(page(&store, None, 0, 2).await.1, 5);
    assert_eq!((total(&store, "a").await, total(&store, "b").await), (5, 3));
    assert_eq!(
        store.template_page(Window { skip: 0, limit: 1 }).await.unwrap().total,
        1
    );
}

async fn writers_at_once_are_all_counted(db: Opened) {
    let template = mk_template("digits");
    db.store.insert_template(&template, None).await.unwrap();
    let inserts = (0..40).map(|number| {
        let (store, mut task) = (db.store.clone(), mk_task(&format!("task {number}"), &template));
        if number % 2 == 0 {
            task.spec.participants.reverse();
        }
        tokio::spawn(async move { store.insert_task(&task, None).await.unwrap() })
    });
    for done in futures::future::join_all(inserts).await {
        done.unwrap();
    }
    assert_eq!(page(&db.store, None, 0, 1).await.1, 40);
    assert_eq!((total(&db.store, "a").await, total(&db.store, "b").await), (40, 40));
}
