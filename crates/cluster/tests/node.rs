//! A whole node: a pod runs, names resolve, and requests come in by host name over TLS.
//!
//! It needs root, and fails with what this machine lacks where it cannot run.

#![allow(clippy::unwrap_used, reason = "a test ends where its cluster cannot go on")]

mod common;

use std::{
    net::{Ipv4Addr, UdpSocket},
    path::Path,
    time::Duration,
};

use common::{apply, printed, within};
use flow_cluster::{Cluster, Level, Options, State, leftovers};
use rcgen::{CertifiedKey, generate_simple_self_signed};

const DOMAIN: &str = "flow.test";

#[test]
fn a_node_runs_pods_resolves_names_and_lets_requests_in() {
    let base = tempfile::tempdir().unwrap();
    let dir = base.path().join("cluster");
    let mut options = Options::new(&dir, Level::Node);
    options.domain = DOMAIN.to_owned();
    let cluster = Cluster::up(&options).unwrap_or_else(|error| panic!("{error}"));
    let state = cluster.state().clone();

    let names = ["*.server.flow.test".to_owned(), "*.a.party.flow.test".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    let certificate = cert.pem();
    apply(&state, include_str!("manifests/echo.yaml"));
    for (namespace, name) in [("echo", "tls"), ("projectcontour", "gateway")] {
        secret(
            &state,
            base.path(),
            namespace,
            name,
            &certificate,
            &signing_key.serialize_pem(),
        );
    }
    printed(
        &state,
        "--namespace=echo wait --for=condition=Ready pod/echo --timeout=90s",
    );

    a_pod_is_reached(&state);
    names_resolve(&state);
    requests_come_in(&state, &certificate);

    let other = Cluster::up(&Options::new(base.path().join("other"), Level::Node)).unwrap_err();
    assert!(
        matches!(other, flow_cluster::ClusterError::Held { owner: Some(_), .. }),
        "{other}"
    );
    // As after a crash, in any order: the pod's processes, its shim and all parts are still there or not.
    for process in state.processes.iter().rev().step_by(2) {
        let killed = std::process::Command::new("kill")
            .args(["-9", &process.id.pid.to_string()])
            .status();
        assert!(killed.unwrap().success(), "{}", process.name);
    }
    cluster.down().unwrap();
    assert_eq!(leftovers(&dir), Vec::<String>::new());
    // Nothing of the node was ever in the machine's own packet filter.
    let rules = std::process::Command::new("iptables-save").output().unwrap();
    let rules = String::from_utf8(rules.stdout).unwrap();
    assert!(!rules.contains("KUBE-") && !rules.contains("CNI-"), "{rules}");
}

/// By the API server (logs, exec, proxy), and by address from this machine.
fn a_pod_is_reached(state: &State) {
    assert!(printed(state, "--namespace=echo logs echo").contains("listening on :8080"));
    assert_eq!(
        printed(state, "--namespace=echo exec echo -- /echo say hello"),
        "hello\n"
    );
    let proxied = printed(state, "get --raw /api/v1/namespaces/echo/pods/echo:8080/proxy/by-proxy");
    assert!(proxied.starts_with("HTTP/1.1 GET /by-proxy by echo"), "{proxied}");
    let address = printed(
        state,
        "--namespace=echo get service echo --output=jsonpath={.spec.clusterIP}",
    );
    within("the service answers", || {
        std::net::TcpStream::connect((address.as_str(), 80)).ok()
    });
}

fn names_resolve(state: &State) {
    let node = state.node.as_ref().unwrap();
    let service = printed(
        state,
        "--namespace=echo get service echo --output=jsonpath={.spec.clusterIP}",
    );
    let service: Ipv4Addr = service.parse().unwrap();
    within("the service's name resolves", || {
        (lookup(node.address, "echo.echo.svc.cluster.local") == Answer::Address(service)).then_some(())
    });
    for name in ["any.server.flow.test", "any.b.party.flow.test"] {
        assert_eq!(lookup(node.address, name), Answer::Address(node.address), "{name}");
    }
    for name in ["flow.test", "party.flow.test", "b.party.flow.test", "example.org"] {
        assert_eq!(lookup(node.address, name), Answer::NoSuchName, "{name}");
    }
}

/// Both kinds of routes, on the same address and port, told apart by the TLS host name.
fn requests_come_in(state: &State, certificate: &str) {
    let node = state.node.as_ref().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for host in ["ingress.server.flow.test", "gateway.a.party.flow.test"] {
        // The name that the client would get from DNS.
        let Answer::Address(address) = lookup(node.address, host) else {
            panic!("{host} does not resolve");
        };
        let client = client(certificate, host, address);
        let url = format!("https://{host}:{}/by-ingress", node.https_port);
        let answer = within(&format!("{host} answers"), || {
            let answer = runtime.block_on(async { client.get(&url).send().await?.error_for_status()?.text().await });
            answer.ok()
        });
        assert_eq!(answer, format!("HTTP/2.0 GET /by-ingress by echo for {host}\n"));
    }
}

fn client(certificate: &str, host: &str, address: Ipv4Addr) -> reqwest::Client {
    // Another test of this process may have done so.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let root = reqwest::Certificate::from_pem(certificate.as_bytes()).unwrap();
    reqwest::Client::builder()
        .tls_certs_only([root])
        .resolve(host, (address, 0).into())
        .timeout(Duration::from_secs(5))
        .build()
        .unwrap()
}

fn secret(state: &State, base: &Path, namespace: &str, name: &str, certificate: &str, key: &str) {
    let (certificate_file, key_file) = (base.join("tls.crt"), base.join("tls.key"));
    std::fs::write(&certificate_file, certificate).unwrap();
    std::fs::write(&key_file, key).unwrap();
    let (certificate, key) = (certificate_file.display(), key_file.display());
    printed(
        state,
        &format!("--namespace={namespace} create secret tls {name} --cert={certificate} --key={key}"),
    );
    std::fs::remove_file(certificate_file).unwrap();
    std::fs::remove_file(key_file).unwrap();
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Address(Ipv4Addr),
    NoSuchName,
    Other(Vec<u8>),
}

/// Asks that server for the name's address.
fn lookup(server: Ipv4Addr, name: &str) -> Answer {
    // One question, recursion desired.
    let mut question = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        question.push(u8::try_from(label.len()).unwrap());
        question.extend(label.as_bytes());
    }
    // The root; type A, class IN.
    question.extend([0, 0, 1, 0, 1]);
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket.send_to(&question, (server, 53)).unwrap();
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer).unwrap();
    let answer = &answer[..length];
    // One record ends with its address.
    match (answer[3] & 0xf, answer[7], answer.last_chunk::<4>()) {
        (0, 1, Some(address)) => Answer::Address(Ipv4Addr::from(*address)),
        (3, 0, _) => Answer::NoSuchName,
        _ => Answer::Other(answer.to_owned()),
    }
}
