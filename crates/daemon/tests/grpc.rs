//! The acceptor and the connector under tonic, as the server and the agents use them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use axum::Router;
use axum::extract::Extension;
use axum::http::{Request, StatusCode};
use axum::routing::post;
use common::DEADLINE;
use common::pki::Pki;
use flow_daemon::accept::{AcceptOptions, PeerIdentity, TlsAcceptor};
use flow_daemon::connect::TlsConnector;
use flow_pki::TrustDomain;
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::{Endpoint, Server};
use tower::{Service, ServiceExt};

#[tokio::test]
async fn a_handler_learns_the_peer_from_the_connection() {
    let pki = Pki::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let acceptor = TlsAcceptor::new(pki.tls(pki.server()), AcceptOptions::default());
    let incoming = acceptor.incoming(listener, shutdown.clone());
    let whoami = async |Extension(peer): Extension<PeerIdentity>| peer.identity.to_string();
    let routes = Routes::from(Router::new().route("/test.Who/Ami", post(whoami)));
    let server = Server::builder().add_routes(routes);
    let serving = tokio::spawn(server.serve_with_incoming_shutdown(incoming, shutdown.clone().cancelled_owned()));

    for name in ["a", "b"] {
        let connector = TlsConnector::new(pki.tls(pki.party(name)), TrustDomain::default());
        for connector in [connector.clone(), connector.with_server_name("localhost")] {
            let endpoint = Endpoint::from_shared(format!("http://{addr}")).unwrap();
            let mut channel = endpoint.connect_with_connector(connector).await.unwrap();
            let request = Request::post("/test.Who/Ami").body(tonic::body::Body::empty());
            let response = channel.ready().await.unwrap().call(request.unwrap()).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, format!("party/{name}").as_bytes());
        }
    }
    shutdown.cancel();
    tokio::time::timeout(DEADLINE, serving).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn an_endpoint_without_a_port_or_with_a_strange_server_is_an_error() {
    let (pki, other) = (Pki::new(), Pki::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::new(other.tls(other.server()), AcceptOptions::default());
    let _incoming = acceptor.incoming(listener, CancellationToken::new());
    let connector = TlsConnector::new(pki.tls(pki.party("a")), TrustDomain::default());
    for uri in ["http://localhost".to_owned(), format!("http://{addr}")] {
        let endpoint = Endpoint::from_shared(uri.clone()).unwrap();
        let refused = endpoint.connect_with_connector(connector.clone()).await;
        assert!(refused.is_err(), "{uri}");
    }
}
