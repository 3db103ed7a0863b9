//! The probes and metrics, asked over the hardened server.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::http_get;
use flow_daemon::health::{self, Readiness};
use flow_daemon::metrics;
use flow_daemon::serve::{ServeOptions, serve};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

async fn probes(readiness: &Readiness) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let router = health::router(readiness.clone(), Arc::new(metrics::registry("flow-test")));
    tokio::spawn(serve(
        listener,
        router,
        ServeOptions::default(),
        CancellationToken::new(),
    ));
    addr
}

#[tokio::test]
async fn readiness_follows_its_checks() {
    let shutdown = CancellationToken::new();
    let readiness = Readiness::new(shutdown.clone());
    let addr = probes(&readiness).await;
    assert!(http_get(addr, "/readyz").await.starts_with("HTTP/1.1 200"));

    let (database, link) = (readiness.register("database"), readiness.register("link"));
    let answer = http_get(addr, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");

    database.failing("no route to host");
    link.ok();
    let answer = http_get(addr, "/readyz").await;
    let expected = r#"{"ready":false,"failing":[{"name":"database","reason":"no route to host"}]}"#;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.ends_with(expected),
        "{answer}"
    );

    database.ok();
    let answer = http_get(addr, "/readyz").await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with(r#"{"ready":true,"failing":[]}"#),
        "{answer}"
    );

    shutdown.cancel();
    assert!(http_get(addr, "/readyz").await.contains(r#""name":"shutdown""#));
    assert!(http_get(addr, "/livez").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn metrics_tell_the_build_and_the_process() {
    let addr = probes(&Readiness::default()).await;
    let answer = http_get(addr, "/metrics").await;
    assert!(
        answer.contains("content-type: application/openmetrics-text"),
        "{answer}"
    );
    assert!(answer.ends_with("# EOF\n"), "{answer}");
    let build = format!(
        "flow_build_info{{daemon=\"flow-test\",version=\"{}\"}} 1",
        flow_daemon::version()
    );
    assert!(answer.contains(&build), "{answer}");

    let value = |name: &str| -> f64 {
        let line = answer
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {answer}")).parse().unwrap()
    };
    assert!(value("process_resident_memory_bytes") > 1e5);
    assert!(value("process_open_fds") >= 3.0);
    assert!(value("process_max_fds") > value("process_open_fds"));
    assert!(value("process_threads") >= 1.0);
    assert!(value("process_cpu_seconds_total") >= 0.0);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs_f64();
    let age = now - value("process_start_time_seconds");
    assert!((-5.0..600.0).contains(&age), "{age}");
}
