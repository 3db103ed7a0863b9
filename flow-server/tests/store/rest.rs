//! What a user of REST sees while the database is away: 503 with a time to come back, and then the answer.

use std::net::SocketAddr;

use flow_daemon::shutdown::Shutdown;
use flow_mariadb::Server as MariaDb;
use flow_server::{Server, config::Config};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::spawn_blocking,
};

use crate::within;

/// The whole response, head and body.
async fn get(at: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_is_503_with_a_time_to_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("database");
    std::fs::create_dir(&path).unwrap();
    let mut database = spawn_blocking(move || MariaDb::start(&path).unwrap()).await.unwrap();
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut config = Config {
        data_dir: folder.path().join("data"),
        ..Config::default()
    };
    config.database.url = database.create_database("flow").unwrap();
    config.center.enabled = false;
    (config.rest.listen, config.link.listen) = (anywhere, anywhere);
    let shutdown = Shutdown::new();
    let server = Server::start(config, &shutdown).await.unwrap();
    let rest = server.rest_addr();
    let runs = get(rest, "/api/v2/runs").await;
    assert!(runs.starts_with("HTTP/1.1 200 "), "{runs}");

    database.kill9().unwrap();
    let paths = ["/api/v2/runs", "/api/v2/tasks/digits", "/api/v2/parties"];
    let answers = futures::future::join_all(paths.map(|path| get(rest, path))).await;
    for (path, away) in paths.into_iter().zip(answers) {
        let away = away.to_lowercase();
        assert!(away.starts_with("http/1.1 503 "), "{path}: {away}");
        assert!(away.contains("\r\nretry-after: 2\r\n"), "{path}: {away}");
        assert!(away.contains("application/problem+json"), "{path}: {away}");
    }
    let database = spawn_blocking(move || {
        database.start_again().unwrap();
        database
    });
    let _database = database.await.unwrap();
    within("REST answers again", async || {
        get(rest, "/api/v2/runs").await.starts_with("HTTP/1.1 200 ")
    })
    .await;
    shutdown.token.cancel();
    server.join().await;
}
