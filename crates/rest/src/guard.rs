//! Keeps other people's web pages away. The API has no log-in of its own yet, so it listens on loopback; a browser on the same
//! machine could still be made to call it, by a page of another origin or by a name that was bent to loopback. Both are refused.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use flow_domain::ErrorCode;

use crate::Failure;

/// Which host names the API answers to.
#[derive(Debug, Clone)]
pub struct Guard {
    /// Listening on loopback only; any name is right otherwise.
    loopback: bool,
    /// Further names.
    hosts: Vec<String>,
}

impl Guard {
    /// Of what listens there, and answers to these names too.
    #[must_use]
    pub fn new(listen: SocketAddr, hosts: Vec<String>) -> Self {
        Self {
            loopback: listen.ip().is_loopback(),
            hosts,
        }
    }

    fn knows(&self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is_loopback = bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        !self.loopback || is_loopback || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(bare))
    }

    fn refuse(&self, headers: &HeaderMap, authority: Option<&Authority>) -> Option<Failure> {
        let host = authority
            .map(ToString::to_string)
            .or_else(|| text(headers, header::HOST))
            .unwrap_or_default();
        let name = host
            .parse::<Authority>()
            .map(|host| host.host().to_owned())
            .unwrap_or_default();
        if !self.knows(&name) {
            let detail =
                format!("this program does not answer to the name '{name}': use localhost, or add it to rest.hosts");
            return Some(Failure::new(ErrorCode::Forbidden, detail));
        }
        let origin = text(headers, header::ORIGIN)?;
        let same = origin.split_once("://").is_some_and(|(_, from)| from == host);
        (!same).then(|| Failure::new(ErrorCode::Forbidden, "pages of another origin may not use this API"))
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}

/// Refuses what a foreign web page would send.
pub async fn guard(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    match guard.refuse(request.headers(), request.uri().authority()) {
        Some(failure) => failure.into_response(),
        None => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(host: &str, origin: Option<&str>) -> bool {
        let guard = Guard::new("127.0.0.1:1".parse().unwrap(), vec!["flow.example".to_owned()]);
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        guard.refuse(&headers, None).is_some()
    }

    #[test]
    fn only_known_names_and_the_own_origin_pass() {
        assert!(!refused("127.0.0.1:1235", None));
        assert!(!refused("localhost", None));
        assert!(!refused("[::1]:1235", None));
        assert!(!refused("flow.example:80", None));
        assert!(!refused("localhost:1235", Some("http://localhost:1235")));
        assert!(refused("evil.example:1235", None));
        assert!(refused("127.0.0.1:1235", Some("http://evil.example")));
        assert!(refused("127.0.0.1:1235", Some("null")));
    }
}
