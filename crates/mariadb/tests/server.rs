//! A real server: up, away, back, and gone.

#![allow(clippy::unwrap_used, reason = "a test ends where its server cannot go on")]

use std::{net::TcpStream, path::Path, time::Duration};

use flow_mariadb::{Admin, MariaDbError, Server};

fn is_alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn a_server_keeps_what_was_committed_over_a_kill_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path()).unwrap();
    let admin = server.admin().clone();
    assert_eq!(server.create_database("kept").unwrap(), server.url("kept"));
    let again = server.create_database("kept").unwrap_err();
    assert!(again.to_string().contains("database exists"), "{again}");
    admin
        .execute("CREATE TABLE kept.t (i INT); INSERT INTO kept.t VALUES (7)")
        .unwrap();
    let durable = admin.execute("SELECT @@innodb_flush_log_at_trx_commit").unwrap();
    assert_eq!(durable, "1\n");

    let first = server.pid().unwrap();
    server.kill9().unwrap();
    assert!(!is_alive(first) && server.pid().is_none());
    assert!(admin.execute("SELECT 1").is_err());
    assert!(matches!(server.pause(), Err(MariaDbError::NotRunning)));
    server.start_again().unwrap();
    assert_eq!(admin.execute("SELECT i FROM kept.t").unwrap(), "7\n");

    let second = server.pid().unwrap();
    server.stop().unwrap();
    server.stop().unwrap();
    assert!(!is_alive(second));
    server.start_again().unwrap();
    let third = server.pid().unwrap();
    drop(server);
    assert!(!is_alive(third));
    let port: u16 = admin.admin_url().rsplit_once(':').unwrap().1.parse().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn a_paused_server_answers_when_it_goes_on_and_can_be_dropped_while_paused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).unwrap();
    server.pause().unwrap();
    let admin = server.admin().clone();
    let (done, answered) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(admin.execute("SELECT 2")));
    // It must not answer in this time; waiting for nothing to happen takes its time.
    assert!(answered.recv_timeout(Duration::from_millis(500)).is_err());
    server.resume().unwrap();
    assert_eq!(answered.recv_timeout(Duration::from_secs(60)).unwrap().unwrap(), "2\n");
    server.pause().unwrap();
    let pid = server.pid().unwrap();
    drop(server);
    assert!(!is_alive(pid));
}

#[test]
fn nobody_gets_in_without_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).unwrap();
    let (_, address) = server
        .admin()
        .admin_url()
        .rsplit_once('@')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    for account in ["flow:", "flow:wrong", "root:", ":"] {
        let other = Admin::parse(&format!("mysql://{account}@{address}")).unwrap();
        let refused = other.execute("SELECT 1").unwrap_err();
        assert!(refused.to_string().contains("Access denied"), "{account}: {refused}");
    }
}

#[test]
fn a_server_that_does_not_come_up_shows_the_end_of_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path()).unwrap();
    server.kill9().unwrap();
    std::fs::write(folder.path().join("data/ibdata1"), "no tablespace").unwrap();
    let error = server.start_again().unwrap_err();
    assert!(matches!(error, MariaDbError::Ended { .. }), "{error}");
    assert!(error.to_string().contains("[ERROR]"), "{error}");
    assert_eq!(server.pid(), None);
}
