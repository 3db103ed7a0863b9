//! The hardened HTTP server under clients that behave badly, and its shutdown.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use common::{DEADLINE, http_get, read_all};
use flow_daemon::serve::{ServeOptions, serve};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

struct Server {
    addr: SocketAddr,
    shutdown: CancellationToken,
    serving: JoinHandle<usize>,
    /// Told when a `/slow` request has begun, and to let it finish.
    begun: Arc<Notify>,
    finish: Arc<Notify>,
}

async fn start(options: ServeOptions) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (begun, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (begun, finish) = (begun.clone(), finish.clone());
        async move || {
            begun.notify_one();
            finish.notified().await;
            "done"
        }
    };
    let whence = async |ConnectInfo(addr): ConnectInfo<SocketAddr>| addr.ip().to_string();
    let router = Router::new().route("/", get(whence)).route("/slow", get(slow));
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, router, options, shutdown.clone()));
    Server {
        addr,
        shutdown,
        serving,
        begun,
        finish,
    }
}

fn short(options: ServeOptions) -> ServeOptions {
    ServeOptions {
        header_timeout: Duration::from_millis(200),
        ..options
    }
}

#[tokio::test]
async fn requests_are_answered_and_know_their_client() {
    let server = start(ServeOptions::default()).await;
    let answer = http_get(server.addr, "/").await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"),
        "{answer}"
    );
    assert!(http_get(server.addr, "/nothing").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn clients_that_never_ask_are_dropped() {
    let server = start(short(ServeOptions::default())).await;
    // Silent; undecided between the two HTTPs; half a head; HTTP/2 without a request; idle after one.
    let openings: [&[u8]; 5] = [
        b"",
        b"PRI * HT",
        b"GET / HTTP/1.1\r\nhost:",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
        b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",
    ];
    for opening in openings {
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(opening).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer);
        let closed = tokio::time::timeout(DEADLINE, read).await;
        assert!(
            closed.is_ok(),
            "still open after {:?}",
            String::from_utf8_lossy(opening)
        );
    }
}

#[tokio::test]
async fn a_long_answer_outlives_the_time_limit_of_its_head() {
    let server = start(short(ServeOptions::default())).await;
    let request = tokio::spawn(http_get(server.addr, "/slow"));
    server.begun.notified().await;
    // Longer than the limit, which must concern heads only.
    tokio::time::sleep(Duration::from_millis(400)).await;
    server.finish.notify_one();
    assert!(request.await.unwrap().ends_with("done"));
}

#[tokio::test]
async fn beyond_the_limit_clients_wait_their_turn() {
    let options = ServeOptions {
        max_connections: 1,
        ..ServeOptions::default()
    };
    let server = start(options).await;
    let first = tokio::spawn(http_get(server.addr, "/slow"));
    server.begun.notified().await;
    let mut second = tokio::spawn(http_get(server.addr, "/"));
    let early = tokio::time::timeout(Duration::from_millis(100), &mut second).await;
    assert!(early.is_err(), "the second connection did not wait");
    server.finish.notify_one();
    assert!(first.await.unwrap().ends_with("done"));
    assert!(second.await.unwrap().starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn shutdown_lets_requests_finish_and_closes_idle_connections() {
    let server = start(ServeOptions::default()).await;
    let mut idle = TcpStream::connect(server.addr).await.unwrap();
    let request = tokio::spawn(http_get(server.addr, "/slow"));
    server.begun.notified().await;
    server.shutdown.cancel();
    assert_eq!(read_all(&mut idle).await, "");
    assert!(!server.serving.is_finished());
    assert!(TcpStream::connect(server.addr).await.is_err());
    server.finish.notify_one();
    assert!(request.await.unwrap().ends_with("done"));
    let cut_off = tokio::time::timeout(DEADLINE, server.serving).await.unwrap().unwrap();
    assert_eq!(cut_off, 0);
}

#[tokio::test]
async fn requests_that_do_not_finish_are_cut_off() {
    let options = ServeOptions {
        drain: Duration::from_millis(100),
        ..ServeOptions::default()
    };
    let server = start(options).await;
    let request = tokio::spawn(http_get(server.addr, "/slow"));
    server.begun.notified().await;
    let start = Instant::now();
    server.shutdown.cancel();
    let cut_off = tokio::time::timeout(DEADLINE, server.serving).await.unwrap().unwrap();
    assert_eq!(cut_off, 1);
    assert!(start.elapsed() >= Duration::from_millis(100));
    assert_eq!(request.await.unwrap(), "");
}
