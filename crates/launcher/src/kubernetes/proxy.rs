//! The way to a job's ports: through the API server to what is for the agent, and by the ingress, as others take it, to see whether that
//! way is open.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kube::{ResourceExt as _, client::Body};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Shared, observe};
use crate::{Answer, Key, Proxy};

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// How large an answer may be, in bytes.
const MAX_ANSWER: usize = 256 << 10;

/// gRPC's "not implemented" and "not available".
const UNIMPLEMENTED: &str = "12";
const UNAVAILABLE: &str = "14";

#[async_trait]
impl Proxy for Shared {
    async fn get(&self, key: &Key, port: &str, path: &str) -> Option<Answer> {
        let (namespace, name) = (&self.apis.namespace, self.known.job(key).ok()??.name_any());
        let path = path.trim_start_matches('/');
        let uri = format!("/api/v1/namespaces/{namespace}/services/http:{name}:{port}/proxy/{path}");
        let request = http::Request::get(uri).body(Body::empty()).ok()?;
        let ask = async {
            let answer = self.apis.client.send(request).await.ok()?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await.ok()?;
            let body = body.to_bytes().to_vec();
            Some(Answer { status, body })
        };
        tokio::time::timeout(PATIENCE, ask).await.ok()?
    }

    async fn is_routed(&self, key: &Key) -> Result<(), String> {
        let job = self.known.job(key).map_err(|error| error.to_string())?;
        let job = job.ok_or("the job is gone")?;
        let prepared = observe::prepared(&job, &self.config);
        let Some(port) = prepared.ports.values().next() else {
            return Ok(());
        };
        let host = &prepared.host;
        match tokio::time::timeout(PATIENCE, call(host, *port, self.tls.clone())).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(problem)) => Err(format!("{host}:{port}: {problem}")),
            Err(_) => Err(format!("{host}:{port}: no answer within {} s", PATIENCE.as_secs())),
        }
    }
}

/// Calls a gRPC method that no training program has. Whatever the program itself answers will do; what an ingress answers in its
/// place is that nobody is there.
async fn call(host: &str, port: u16, tls: Arc<rustls::ClientConfig>) -> Result<(), String> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| "no host name".to_owned())?;
    let stream = TcpStream::connect((host, port))
        .await
        .map_err(|error| format!("cannot connect: {error}"))?;
    let stream = TlsConnector::from(tls)
        .connect(name, stream)
        .await
        .map_err(|error| format!("no TLS for this host: {error}"))?;
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .map_err(|error| format!("no HTTP/2: {error}"))?;
    let driven = tokio::spawn(connection);
    // An empty gRPC message: not compressed, of length 0.
    let request = http::Request::post(format!("https://{host}:{port}/grpc.health.v1.Health/Check"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::<hyper::body::Bytes>::from(vec![0; 5]));
    let answered = async {
        let answer = sender.send_request(request.map_err(|error| error.to_string())?).await;
        let (head, body) = answer.map_err(|error| format!("no answer: {error}"))?.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let trailers = body.ok().and_then(|body| body.trailers().cloned()).unwrap_or_default();
        let header = |name| {
            let value = head.headers.get(name).or_else(|| trailers.get(name));
            value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        judge(head.status.as_u16(), header("grpc-status"), header("grpc-message"))
    }
    .await;
    driven.abort();
    answered
}

fn judge(status: u16, grpc: Option<String>, message: Option<String>) -> Result<(), String> {
    let said = message.as_deref().unwrap_or_default();
    match grpc.as_deref() {
        None => Err(format!(
            "HTTP {status}, and no gRPC: the route does not lead to the program yet"
        )),
        Some(UNAVAILABLE) => Err(format!("the route leads nowhere yet: {said}")),
        // An ingress that knows no such route says so without a word; programs name the method.
        Some(UNIMPLEMENTED) if said.is_empty() => Err("the ingress knows no route for this host yet".to_owned()),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_program_itself_counts() {
        let judge = |status, grpc: Option<&str>, message: Option<&str>| {
            judge(status, grpc.map(str::to_owned), message.map(str::to_owned)).is_ok()
        };
        assert!(judge(200, Some("12"), Some("Method not found!")));
        assert!(judge(200, Some("0"), None));
        assert!(judge(200, Some("5"), None));
        assert!(!judge(404, None, None));
        assert!(!judge(503, None, None));
        assert!(!judge(200, Some("12"), None));
        assert!(!judge(200, Some("14"), Some("no healthy upstream")));
    }
}
