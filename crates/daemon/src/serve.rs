//! An HTTP server whose every resource is bounded, which `axum::serve` is not.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::net;

/// The limits of an HTTP server.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// How long a client may take to send a request's head. An idle connection is closed after it.
    pub header_timeout: Duration,
    /// How many connections may be open; further clients wait in the listener's backlog.
    pub max_connections: usize,
    /// How many requests may be under way on one HTTP/2 connection.
    pub max_streams: u32,
    /// How long requests may go on after the shutdown began.
    pub drain: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(15),
            max_connections: 1024,
            max_streams: 128,
            drain: Duration::from_secs(20),
        }
    }
}

/// Serves `router` over HTTP/1.1 and HTTP/2 until `shutdown`, then lets requests under way finish
/// within [`ServeOptions::drain`], and cuts off the rest.
///
/// Handlers may extract `ConnectInfo<SocketAddr>`. Returns how many connections were cut off.
pub async fn serve(listener: TcpListener, router: Router, options: ServeOptions, shutdown: CancellationToken) -> usize {
    let connections = Arc::new(Semaphore::new(options.max_connections));
    let mut tasks = JoinSet::new();
    let accepting = async {
        loop {
            let Ok(open) = connections.clone().acquire_owned().await else {
                return; // only when the semaphore is closed, which it is not
            };
            let (stream, addr) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    if !net::is_connections_own(&error) {
                        tracing::warn!(%error, "cannot accept a connection; trying again");
                        tokio::time::sleep(net::ACCEPT_PAUSE).await;
                    }
                    continue;
                }
            };
            while tasks.try_join_next().is_some() {}
            let (router, options, shutdown) = (router.clone(), options.clone(), shutdown.clone());
            tasks.spawn(async move {
                connection(stream, addr, router, &options, shutdown).await;
                drop(open);
            });
        }
    };
    shutdown.run_until_cancelled(accepting).await;
    // New clients are refused from here on, rather than left waiting.
    drop(listener);
    let finish = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(options.drain, finish).await.is_ok() {
        return 0;
    }
    let cut_off = tasks.len();
    tracing::warn!(
        cut_off,
        "requests still under way at the end of the drain time are cut off"
    );
    tasks.shutdown().await;
    cut_off
}

async fn connection(
    stream: TcpStream,
    addr: SocketAddr,
    router: Router,
    options: &ServeOptions,
    shutdown: CancellationToken,
) {
    if let Err(error) = net::tune(&stream) {
        tracing::debug!(peer = %addr, %error, "the client is gone already");
        return;
    }
    let asked = Arc::new(AtomicBool::new(false));
    let service = service_fn({
        let asked = asked.clone();
        move |request| {
            asked.store(true, Ordering::Relaxed);
            respond(router.clone(), addr, request)
        }
    });
    let builder = builder(options);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // hyper's own timer starts when it knows which HTTP is spoken. This one is for clients that
    // never get so far.
    let mut first_request = pin!(tokio::time::sleep(options.header_timeout));
    let (mut waiting, mut serving) = (true, true);
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(peer = %addr, error, "connection ended with an error");
                }
                return;
            }
            () = first_request.as_mut(), if waiting => {
                waiting = false;
                if !asked.load(Ordering::Relaxed) {
                    tracing::debug!(peer = %addr, "no request within the time limit");
                    return;
                }
            }
            () = shutdown.cancelled(), if serving => {
                serving = false;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

fn builder(options: &ServeOptions) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20))
        .max_concurrent_streams(options.max_streams)
        .max_header_list_size(64 * 1024);
    builder
}

async fn respond(router: Router, addr: SocketAddr, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(addr));
    router.oneshot(request).await
}
