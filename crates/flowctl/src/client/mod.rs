//! A client of the REST API `/api/v2`.

mod answer;
mod lines;
mod retry;
mod runs;
mod sse;

pub use lines::Lines;
pub use sse::{Event, Events};

use std::{net::IpAddr, time::Duration};

use flow_api::{IDEMPOTENCY_KEY, Page};
use flow_domain::ErrorCode;
use reqwest::{Method, RequestBuilder, Response, Url, header};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{Failure, settings::Settings};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// After so long without a sign the system asks whether the other side is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// The most items that one request asks for.
const PAGE: u32 = 100;

/// A part of a query: name and value.
pub type Query<'a> = (&'a str, String);

/// A client of one server.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    timeout: Duration,
}

impl Client {
    /// For the server that the settings name. Connects only when something is asked.
    ///
    /// # Errors
    /// An address that is none, or a certificate file that cannot be read.
    pub fn new(settings: &Settings) -> Result<Self, Failure> {
        let base = base(&settings.server)?;
        flow_daemon::tls::install_crypto();
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("flowctl/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .tcp_keepalive(KEEPALIVE)
            .redirect(reqwest::redirect::Policy::none());
        if is_local(&base) {
            // A proxy would reach another machine by that name.
            http = http.no_proxy();
        }
        if let Some(path) = &settings.ca_file {
            let unusable = || Failure::invalid(format!("cannot use the certificate file {}", path.display()));
            let pem = std::fs::read(path).map_err(|error| unusable().because(error))?;
            let certificates =
                reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| unusable().because(error))?;
            http = http.tls_certs_only(certificates);
        }
        let http = http
            .build()
            .map_err(|error| Failure::internal("cannot make the HTTP client").because(error))?;
        Ok(Self {
            http,
            base,
            timeout: settings.request_timeout,
        })
    }

    /// The server's address.
    pub fn server(&self) -> &Url {
        &self.base
    }

    /// Reads something. `path` is what follows `/api/v2`, segment by segment.
    ///
    /// # Errors
    /// What the server refuses, or that it cannot be reached.
    pub async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &[Query<'_>]) -> Result<T, Failure> {
        let response = self.ask(|| self.request(Method::GET, path).query(query)).await?;
        answer::read(response).await
    }

    /// Reads a list, page by page, up to `limit` items.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn list<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[Query<'_>],
        limit: u32,
    ) -> Result<Page<T>, Failure> {
        let mut all = Page {
            items: Vec::new(),
            next: None,
        };
        loop {
            let left = limit.saturating_sub(u32::try_from(all.items.len()).unwrap_or(u32::MAX));
            let mut query = query.to_vec();
            query.push(("limit", left.min(PAGE).to_string()));
            query.extend(all.next.take().map(|cursor| ("cursor", cursor)));
            let page: Page<T> = self.get(path, &query).await?;
            let empty = page.items.is_empty();
            all.items.extend(page.items);
            all.next = page.next;
            if all.next.is_none() || empty || all.items.len() >= limit as usize {
                return Ok(all);
            }
        }
    }

    /// Creates something. The key makes it safe to ask again when the answer is lost.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn create<B: Serialize, T: DeserializeOwned>(&self, path: &[&str], body: &B) -> Result<T, Failure> {
        let key = Uuid::new_v4().to_string();
        let request = || {
            self.request(Method::POST, path)
                .header(IDEMPOTENCY_KEY, &key)
                .json(body)
        };
        answer::read(self.ask(request).await?).await
    }

    /// Asks for something that may be asked again and again, such as a cancellation.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn post<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, Failure> {
        let request = || self.request(Method::POST, path);
        answer::read(self.ask(request).await?).await
    }

    /// Asks for something that may be asked again and again, and says how.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn post_with<B: Serialize, T: DeserializeOwned>(&self, path: &[&str], body: &B) -> Result<T, Failure> {
        let request = || self.request(Method::POST, path).json(body);
        answer::read(self.ask(request).await?).await
    }

    /// Deletes something, if it is still of that revision.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn delete(&self, path: &[&str], revision: u32) -> Result<(), Failure> {
        let etag = format!("\"{revision}\"");
        // Not asked again: if the first answer is lost, the second would say that there is no such thing.
        let request = self.request(Method::DELETE, path).header(header::IF_MATCH, etag);
        self.send(request.timeout(self.timeout)).await.map(drop)
    }

    /// Opens a stream of that media type.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn stream(&self, path: &[&str], query: &[Query<'_>], media: &str) -> Result<Response, Failure> {
        let request = || {
            self.request(Method::GET, path)
                .query(query)
                .header(header::ACCEPT, media)
        };
        retry::patiently(|| self.send(request())).await
    }

    async fn ask(&self, request: impl Fn() -> RequestBuilder) -> Result<Response, Failure> {
        retry::patiently(|| self.send(request().timeout(self.timeout))).await
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v2"]).extend(path);
        }
        self.http.request(method, url)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        match request.send().await {
            Ok(response) => answer::check(response).await,
            Err(error) => Err(self.unreachable(error)),
        }
    }

    fn unreachable(&self, error: reqwest::Error) -> Failure {
        let server = self.base.as_str().trim_end_matches('/');
        if error.is_timeout() {
            return Failure::new(ErrorCode::Timeout, format!("{server} did not answer in time"))
                .hint("raise --request-timeout, or look at the server's load");
        }
        let error = error.without_url();
        if error.is_connect() {
            let hint = if is_local(&self.base) {
                "start one with: flowctl up"
            } else {
                "check the address and that the server runs"
            };
            return Failure::new(ErrorCode::Unavailable, format!("cannot connect to {server}"))
                .because(innermost(&error))
                .hint(hint);
        }
        if error.is_builder() {
            return Failure::invalid(format!("cannot ask {server}")).because(error);
        }
        Failure::new(ErrorCode::Unavailable, format!("the connection to {server} broke")).because(error)
    }
}

/// The cause at the bottom: the layers above it only repeat that there was an error.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn base(server: &str) -> Result<Url, Failure> {
    let wrong = |why: &str| {
        Failure::invalid(format!("'{server}' is no server address: {why}")).hint("write it like http://127.0.0.1:1235")
    };
    let url = Url::parse(server).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("it must begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("only scheme, host, port and path may be in it"));
    }
    Ok(url)
}

fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_servers_are_taken() {
        for good in [
            "http://127.0.0.1:1235",
            "https://flow.example.org/flow/",
            "http://[::1]:80",
        ] {
            assert!(base(good).is_ok(), "{good}");
        }
        for bad in [
            "127.0.0.1:1235",
            "ftp://x",
            "http://",
            "http://user@x",
            "http://x?y=1",
            "",
        ] {
            let said = base(bad).unwrap_err().to_string();
            assert!(said.contains("is no server address"), "{said}");
        }
    }

    #[test]
    fn names_are_one_segment_of_the_path_whatever_is_in_them() {
        let settings = Settings {
            server: "http://127.0.0.1:1/flow/".to_owned(),
            ..Settings::default()
        };
        let client = Client::new(&settings).unwrap();
        let request = client.request(Method::GET, &["tasks", "a/b ü?"]).build().unwrap();
        assert_eq!(request.url().path(), "/flow/api/v2/tasks/a%2Fb%20%C3%BC%3F");
    }
}
