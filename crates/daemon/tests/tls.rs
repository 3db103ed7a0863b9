//! Mutual TLS over real sockets with real certificates.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use common::pki::{Pki, careless_client, uri};
use common::{DEADLINE, eventually, read_all};
use flow_daemon::accept::{AcceptMetrics, AcceptOptions, TlsAcceptor, TlsConnection};
use flow_daemon::connect::{ConnectError, connect};
use flow_daemon::tls::{Reloaded, ReloadingTls, TlsFiles};
use flow_pki::{Identity, TrustDomain};
use futures::StreamExt;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

struct Server {
    addr: SocketAddr,
    metrics: AcceptMetrics,
    shutdown: CancellationToken,
    /// Ends when the stream of connections does.
    serving: tokio::task::JoinHandle<()>,
}

/// A server that greets each peer by its identity, then echoes.
async fn serve(tls: Arc<ReloadingTls>, options: AcceptOptions) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::new(tls, options);
    let (metrics, shutdown) = (acceptor.metrics(), CancellationToken::new());
    let mut incoming = acceptor.incoming(listener, shutdown.clone());
    let serving = tokio::spawn(async move {
        while let Some(connection) = incoming.next().await {
            tokio::spawn(echo(connection.unwrap()));
        }
    });
    Server {
        addr,
        metrics,
        shutdown,
        serving,
    }
}

async fn echo(mut connection: TlsConnection) {
    let greeting = format!("{};", connection.peer().identity);
    let _ = connection.write_all(greeting.as_bytes()).await;
    let (mut read, mut write) = tokio::io::split(connection);
    let _ = tokio::io::copy(&mut read, &mut write).await;
}

type Stream = TlsStream<TcpStream>;

async fn dial(server: &Server, config: Arc<ClientConfig>) -> Result<Stream, ConnectError> {
    connect(&server.addr.to_string(), "localhost", config, &TrustDomain::default()).await
}

/// What the server says first, or nothing if it refuses.
async fn greeting(stream: &mut Stream) -> Option<String> {
    let mut said = Vec::new();
    loop {
        let byte = tokio::time::timeout(DEADLINE, stream.read_u8()).await.unwrap();
        match byte {
            Ok(b';') => return Some(String::from_utf8(said).unwrap()),
            Ok(byte) => said.push(byte),
            Err(_) => return None,
        }
    }
}

async fn is_alive(stream: &mut Stream) -> bool {
    let mut answer = [0; 4];
    stream.write_all(b"ping").await.is_ok() && stream.read_exact(&mut answer).await.is_ok() && &answer == b"ping"
}

fn shown_certificate(stream: &Stream) -> Vec<u8> {
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

fn metric(register: impl FnOnce(&mut Registry), line: &str) -> bool {
    let mut registry = Registry::default();
    register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    text.lines().any(|found| found == line)
}

#[tokio::test]
async fn a_party_is_known_by_its_certificate() {
    let pki = Pki::new();
    let server = serve(pki.tls(pki.server()), AcceptOptions::default()).await;
    for name in ["a", "hospital-b"] {
        let client = pki.tls(pki.party(name));
        let mut stream = dial(&server, client.current().client.clone()).await.unwrap();
        assert_eq!(greeting(&mut stream).await, Some(format!("party/{name}")));
        assert!(is_alive(&mut stream).await);
        let (_, session) = stream.get_ref();
        assert_eq!(session.alpn_protocol(), Some(&b"h2"[..]));
        assert_eq!(session.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
    }
    let handshakes = r#"tls_handshakes_total{outcome="ok"} 2"#;
    assert!(metric(|registry| server.metrics.register(registry), handshakes));
}

#[tokio::test]
async fn clients_without_a_good_certificate_are_refused() {
    let (pki, other) = (Pki::new(), Pki::new());
    let server = serve(pki.tls(pki.server()), AcceptOptions::default()).await;
    let ca = pki.path().join("ca.crt");
    let no_identity = pki.odd("anonymous", |_| {});
    let two = pki.odd("two", |params| {
        let ids = ["spiffe://iflearner-flow/party/a", "spiffe://iflearner-flow/server"];
        params.subject_alt_names = ids.map(uri).to_vec();
    });
    let elsewhere = pki.odd("elsewhere", |params| {
        params.subject_alt_names = vec![uri("spiffe://elsewhere/party/a")];
    });
    let refused: [(&str, Option<TlsFiles>); 6] = [
        ("none", None),
        ("another authority's", Some(other.party("a"))),
        ("expired", Some(pki.expired())),
        ("no identity", Some(no_identity)),
        ("two identities", Some(two)),
        ("another trust domain", Some(elsewhere)),
    ];
    for (what, own) in refused {
        // The client may hear of it during the handshake or only after it.
        if let Ok(mut stream) = dial(&server, careless_client(&ca, own.as_ref())).await {
            assert_eq!(greeting(&mut stream).await, None, "{what}");
        }
    }
    let good = careless_client(&ca, Some(&pki.party("a")));
    let mut stream = dial(&server, good).await.unwrap();
    assert!(greeting(&mut stream).await.is_some());
    // Another server is let in, and known for one.
    let server_too = careless_client(&ca, Some(&pki.server()));
    let mut stream = dial(&server, server_too).await.unwrap();
    assert_eq!(greeting(&mut stream).await.as_deref(), Some("server"));
    for line in [
        r#"tls_handshakes_total{outcome="failed"} 3"#,
        r#"tls_handshakes_total{outcome="no_identity"} 3"#,
        r#"tls_handshakes_total{outcome="ok"} 2"#,
    ] {
        eventually(line, || metric(|registry| server.metrics.register(registry), line)).await;
    }
}

#[tokio::test]
async fn a_client_talks_to_the_server_and_nobody_else() {
    let (pki, other) = (Pki::new(), Pki::new());
    let client = pki.tls(pki.party("a")).current().client.clone();
    let domain = TrustDomain::default();

    let good = serve(pki.tls(pki.server()), AcceptOptions::default()).await;
    let addr = good.addr.to_string();
    connect(&addr, "127.0.0.1", client.clone(), &domain).await.unwrap();
    let refused = connect(&addr, "elsewhere.example", client.clone(), &domain).await;
    assert!(matches!(refused, Err(ConnectError::Handshake { .. })), "{refused:?}");
    let refused = connect(&addr, "not a name", client.clone(), &domain).await;
    assert!(matches!(refused, Err(ConnectError::ServerName(_))));

    let stranger = serve(other.tls(other.server()), AcceptOptions::default()).await;
    let refused = dial(&stranger, client.clone()).await;
    assert!(matches!(refused, Err(ConnectError::Handshake { .. })), "{refused:?}");

    // A party that got hold of a certificate for the server's host name is still a party.
    let party = pki.odd("b", |params| {
        params.subject_alt_names.push(uri("spiffe://iflearner-flow/party/b"))
    });
    let pretender = serve(pki.tls(party), AcceptOptions::default()).await;
    let refused = dial(&pretender, client.clone()).await;
    let is_b =
        matches!(&refused, Err(ConnectError::NotServer { found: Identity::Party(name), .. }) if name.as_str() == "b");
    assert!(is_b, "{refused:?}");

    let anonymous = serve(pki.tls(pki.odd("c", |_| {})), AcceptOptions::default()).await;
    let refused = dial(&anonymous, client.clone()).await;
    assert!(matches!(refused, Err(ConnectError::Identity { .. })), "{refused:?}");

    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refused = connect(&closed.to_string(), "localhost", client, &domain).await;
    assert!(matches!(refused, Err(ConnectError::Tcp { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_new_certificate_serves_new_connections_and_old_ones_live_on() {
    let pki = Pki::new();
    let tls = pki.tls(pki.server());
    let server = serve(tls.clone(), AcceptOptions::default()).await;
    let client = pki.tls(pki.party("a")).current().client.clone();
    let mut old = dial(&server, client.clone()).await.unwrap();
    assert!(greeting(&mut old).await.is_some());

    assert_eq!(tls.reload_if_changed().await.unwrap(), Reloaded::Unchanged);
    let shutdown = CancellationToken::new();
    let watching = tokio::spawn(tls.clone().watch(Duration::from_millis(10), shutdown.clone()));
    let before = tls.current();
    pki.server();
    eventually("the new files are in force", || !Arc::ptr_eq(&before, &tls.current())).await;

    let mut new = dial(&server, client).await.unwrap();
    assert!(greeting(&mut new).await.is_some());
    assert_ne!(shown_certificate(&old), shown_certificate(&new));
    assert!(is_alive(&mut old).await && is_alive(&mut new).await);

    shutdown.cancel();
    tokio::time::timeout(DEADLINE, watching).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_replaced_authority_is_believed_from_then_on_and_the_old_one_no_more() {
    let (pki, next) = (Pki::new(), Pki::new());
    let tls = pki.tls(pki.server());
    let server = serve(tls.clone(), AcceptOptions::default()).await;
    let ca = pki.path().join("ca.crt");
    let (of_old, of_new) = (pki.party("a"), next.party("a"));
    // Each keeps its own memory of the server, as a client that would resume a session does.
    let old = careless_client(&ca, Some(&of_old));
    let new = careless_client(&ca, Some(&of_new));
    assert!(greeting(&mut dial(&server, old.clone()).await.unwrap()).await.is_some());

    let both = pki.ca.certificate_pem().to_owned() + next.ca.certificate_pem();
    for (authorities, old_is_good) in [(both.as_str(), true), (next.ca.certificate_pem(), false)] {
        std::fs::write(&ca, authorities).unwrap();
        assert_eq!(tls.reload_now().await.unwrap(), Reloaded::Swapped);
        for (client, good) in [(&old, old_is_good), (&new, true)] {
            let mut stream = dial(&server, client.clone()).await.unwrap();
            assert_eq!(greeting(&mut stream).await.is_some(), good);
        }
    }
}

#[tokio::test]
async fn broken_files_leave_the_last_good_ones_in_force() {
    let pki = Pki::new();
    let files = pki.server();
    let tls = pki.tls(files.clone());
    let server = serve(tls.clone(), AcceptOptions::default()).await;
    let client = pki.tls(pki.party("a")).current().client.clone();

    std::fs::write(&files.cert, "half a certifica").unwrap();
    let error = tls.reload_if_changed().await.unwrap_err();
    assert!(error.to_string().contains("server.crt"), "{error}");
    // Told once, not at every look.
    assert_eq!(tls.reload_if_changed().await.unwrap(), Reloaded::Unchanged);
    let mut stream = dial(&server, client.clone()).await.unwrap();
    assert!(greeting(&mut stream).await.is_some());

    std::fs::remove_file(&files.key).unwrap();
    assert!(tls.reload_if_changed().await.is_err());
    assert!(dial(&server, client.clone()).await.is_ok());

    pki.server();
    assert_eq!(tls.reload_if_changed().await.unwrap(), Reloaded::Swapped);
    assert!(dial(&server, client).await.is_ok());
    for line in [
        r#"tls_reloads_total{outcome="failed"} 2"#.to_owned(),
        r#"tls_reloads_total{outcome="ok"} 1"#.to_owned(),
        format!("tls_certificate_expiry_seconds {}.0", tls.not_after().unix_timestamp()),
    ] {
        assert!(metric(|registry| tls.register(registry), &line), "{line}");
    }
}

#[tokio::test]
async fn a_slow_client_blocks_nobody_and_is_dropped() {
    let pki = Pki::new();
    let options = AcceptOptions {
        handshake_timeout: Duration::from_millis(300),
        ..AcceptOptions::default()
    };
    let server = serve(pki.tls(pki.server()), options).await;
    let client = pki.tls(pki.party("a")).current().client.clone();
    let mut silent = TcpStream::connect(server.addr).await.unwrap();
    let mut dribbling = TcpStream::connect(server.addr).await.unwrap();
    dribbling.write_all(&[0x16, 3, 1]).await.unwrap();

    let mut stream = dial(&server, client).await.unwrap();
    assert!(greeting(&mut stream).await.is_some());
    assert_eq!(read_all(&mut silent).await, "");
    assert_eq!(read_all(&mut dribbling).await, "");
    let timeouts = r#"tls_handshakes_total{outcome="timeout"} 2"#;
    assert!(metric(|registry| server.metrics.register(registry), timeouts));
    assert!(is_alive(&mut stream).await);
}

#[tokio::test]
async fn beyond_the_limits_clients_wait_their_turn() {
    let pki = Pki::new();
    let client = pki.tls(pki.party("a")).current().client.clone();
    let handshakes = AcceptOptions {
        handshake_timeout: Duration::from_millis(200),
        max_handshakes: 1,
        ..AcceptOptions::default()
    };
    let server = serve(pki.tls(pki.server()), handshakes).await;
    let mut silent = TcpStream::connect(server.addr).await.unwrap();
    let mut stream = dial(&server, client.clone()).await.unwrap();
    assert!(greeting(&mut stream).await.is_some());
    assert_eq!(read_all(&mut silent).await, "");

    let connections = AcceptOptions {
        max_connections: 1,
        ..AcceptOptions::default()
    };
    let server = serve(pki.tls(pki.server()), connections).await;
    let mut first = dial(&server, client.clone()).await.unwrap();
    assert!(greeting(&mut first).await.is_some());
    let second = dial(&server, client);
    tokio::pin!(second);
    let early = tokio::time::timeout(Duration::from_millis(100), second.as_mut()).await;
    assert!(early.is_err(), "the second connection did not wait");
    drop(first);
    let mut second = tokio::time::timeout(DEADLINE, second).await.unwrap().unwrap();
    assert!(greeting(&mut second).await.is_some());
}

#[tokio::test]
async fn shutdown_ends_the_stream_and_refuses_new_clients() {
    let pki = Pki::new();
    let server = serve(pki.tls(pki.server()), AcceptOptions::default()).await;
    let client = pki.tls(pki.party("a")).current().client.clone();
    let mut open = dial(&server, client.clone()).await.unwrap();
    assert!(greeting(&mut open).await.is_some());
    let Server {
        addr,
        shutdown,
        serving,
        ..
    } = server;
    shutdown.cancel();
    tokio::time::timeout(DEADLINE, serving).await.unwrap().unwrap();
    assert!(is_alive(&mut open).await);
    let refused = connect(&addr.to_string(), "localhost", client, &TrustDomain::default()).await;
    assert!(refused.is_err());
}

#[test]
fn complaints_about_files_name_the_file_and_the_fault() {
    let pki = Pki::new();
    let good = pki.server();
    let party = pki.party("a");
    let junk = pki.path().join("junk.pem");
    std::fs::write(&junk, "hello").unwrap();
    let torn = pki.path().join("torn.pem");
    let pem = std::fs::read_to_string(&good.cert).unwrap();
    std::fs::write(&torn, &pem[..pem.len() - 40]).unwrap();
    let not_der = pki.path().join("not-der.pem");
    std::fs::write(
        &not_der,
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    let future = pki.odd("future", |params| {
        params.not_before = time::OffsetDateTime::now_utc() + time::Duration::HOUR;
    });

    let with = |change: &dyn Fn(&mut TlsFiles)| {
        let mut files = good.clone();
        change(&mut files);
        ReloadingTls::load(files).unwrap_err().to_string()
    };
    let cases: [(String, [&str; 2]); 10] = [
        (
            with(&|f| f.cert = "/nowhere/x.crt".into()),
            ["/nowhere/x.crt", "cannot read"],
        ),
        (with(&|f| f.cert = junk.clone()), ["junk.pem", "no certificate"]),
        (with(&|f| f.cert = torn.clone()), ["torn.pem", "not valid PEM"]),
        (with(&|f| f.cert = not_der.clone()), ["not-der.pem", "not usable"]),
        (with(&|f| f.key = junk.clone()), ["junk.pem", "no private key"]),
        (with(&|f| f.key = party.key.clone()), ["a.key", "does not match"]),
        (
            with(&|f| *f = pki.expired()),
            ["expired.crt", "expired at 2023-11-14T22:13:20Z"],
        ),
        (with(&|f| *f = future.clone()), ["future.crt", "valid only from"]),
        (with(&|f| f.ca = good.key.clone()), ["server.key", "no certificate"]),
        (with(&|f| f.ca = pki.expired().cert), ["expired.crt", "expired at"]),
    ];
    for (message, expected) in cases {
        assert!(expected.iter().all(|part| message.contains(part)), "{message}");
    }
}

#[test]
fn installing_the_provider_twice_is_harmless() {
    flow_daemon::tls::install_crypto();
    flow_daemon::tls::install_crypto();
    assert!(rustls::crypto::CryptoProvider::get_default().is_some());
}
