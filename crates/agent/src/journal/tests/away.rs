//! A database that is away, or takes not everything: nobody waits, and what was noted meanwhile is there later.

use std::time::{Duration, Instant};

use flow_domain::AssignmentState;
use flow_mariadb::Server;
use tokio::task::spawn_blocking;

use super::{
    home::{Home, until},
    samples::{id_of, live, mk_spec, mk_status},
};
use crate::{
    board::Board,
    journal::{Journal, JournalError},
};

/// Many assignments come and go, and the link finds every status on the board at once.
fn work(journal: &Journal, runs: std::ops::Range<u128>) {
    let board = Board::new(journal.clone());
    let begun = Instant::now();
    for run in runs.clone() {
        board.put(id_of(&mk_spec(run, 1)), mk_status(AssignmentState::Running));
        live(journal, run, 1);
        journal.cleared(id_of(&mk_spec(run, 1)));
    }
    let news = board.since(0, 10_000);
    assert_eq!(news.len() as u128, runs.end - runs.start);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_is_killed_paused_and_back_and_the_journal_catches_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let mut server = spawn_blocking(move || Server::start(&path).unwrap()).await.unwrap();
    let mut home = Home::folder();
    home.config.url = server.create_database("journal").unwrap();
    let journal = home.open().await;
    work(&journal, 0..10);
    until(&journal, id_of(&mk_spec(9, 1)), |entry| entry.cleared_at.is_some()).await;

    server.kill9().unwrap();
    work(&journal, 10..200);
    assert!(journal.assignment(id_of(&mk_spec(1, 1))).await.unwrap_err().is_away());
    // An agent that starts now has no journal yet, and works.
    let early = home.try_open("b").await.unwrap();
    assert!(matches!(
        early.assignment(id_of(&mk_spec(1, 1))).await,
        Err(JournalError::Away)
    ));
    work(&early, 0..10);
    let server = spawn_blocking(move || {
        server.start_again().unwrap();
        server
    });
    let server = server.await.unwrap();
    until(&journal, id_of(&mk_spec(199, 1)), |entry| entry.cleared_at.is_some()).await;
    for run in 0..200 {
        let entry = journal.assignment(id_of(&mk_spec(run, 1))).await.unwrap().unwrap();
        assert_eq!(
            (entry.state, entry.cleared_at.is_some()),
            (AssignmentState::Succeeded, true),
            "{entry:?}"
        );
        let events = journal.events(entry.id, 0, 100).await.unwrap();
        assert!(
            events.iter().map(|event| event.sequence).eq(1..=entry.events),
            "{events:?}"
        );
    }
    super::within("the one that started early has reached it", async || {
        matches!(early.assignment(id_of(&mk_spec(9, 1))).await, Ok(Some(_)))
    })
    .await;

    server.pause().unwrap();
    work(&journal, 200..210);
    // An agent that ends meanwhile does not wait for ever.
    let begun = Instant::now();
    journal.close().await;
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    server.resume().unwrap();
}

/// A note that the database refuses does not hold up the others.
#[tokio::test]
async fn what_the_database_refuses_is_left_out() {
    let home = Home::folder();
    let journal = home.open().await;
    let bad = id_of(&mk_spec(1, 1));
    home.execute(&format!(
        "CREATE TRIGGER bad BEFORE INSERT ON journal_assignment WHEN NEW.id = '{bad}' BEGIN SELECT RAISE(ABORT, 'no'); END"
    ))
    .await;
    for run in 0..5 {
        live(&journal, run, 1);
    }
    until(&journal, id_of(&mk_spec(4, 1)), |entry| entry.desired.is_none()).await;
    assert_eq!(journal.assignment(bad).await.unwrap(), None);
    for run in [0, 2, 3] {
        let entry = journal.assignment(id_of(&mk_spec(run, 1))).await.unwrap().unwrap();
        assert_eq!(entry.events, 6);
    }
}
