//! Asks a job's own ports: is it ready, and how far has it come.

use std::{collections::BTreeMap, time::Duration};

use flow_domain::{
    AssignmentSpec, PartyId, Progress,
    profile::{ProgressSource, Readiness},
    spec::Endpoints,
};
use flow_launcher::{Answer, Key, Launcher};
use serde_json::Value;
use tokio::net::TcpStream;

/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How large an answer may be, in bytes.
const MAX_ANSWER: usize = 256 << 10;

/// What a status page said.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Members {
    /// Progress by party.
    pub(crate) known: BTreeMap<PartyId, Progress>,
    /// Names on the page that are no member of the gang.
    pub(crate) strangers: Vec<String>,
}

/// A job to ask, and the way to it.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) launcher: &'a dyn Launcher,
    pub(crate) key: &'a Key,
    pub(crate) at: &'a Endpoints,
}

/// Asks over HTTP and TCP.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    http: reqwest::Client,
}

impl Probe {
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { http })
    }

    /// Whether the readiness is met, and others can reach the job, or what is still missing; `by_log` says what the log told.
    pub(crate) async fn is_ready(&self, ready: &Readiness, job: Asked<'_>, by_log: bool) -> Result<(), String> {
        if !self.is_met(ready, job, by_log).await {
            return Err("its process runs, and is not ready yet".to_owned());
        }
        match job.launcher.proxy() {
            // Who waits for nothing of it does not need to reach it.
            Some(proxy) if *ready != Readiness::Started => proxy.is_routed(job.key).await,
            _ => Ok(()),
        }
    }

    async fn is_met(&self, ready: &Readiness, job: Asked<'_>, by_log: bool) -> bool {
        let at = job.at;
        match ready {
            Readiness::Started => true,
            Readiness::Log { .. } => by_log,
            // The route leads to that port.
            Readiness::Tcp { .. } if job.launcher.proxy().is_some() => true,
            Readiness::Tcp { port } => match at.ports.get(port) {
                Some(port) => {
                    let connect = TcpStream::connect((at.host.as_str(), *port));
                    matches!(tokio::time::timeout(TIMEOUT, connect).await, Ok(Ok(_)))
                }
                None => false,
            },
            Readiness::Http { port, path, status } => {
                let answer = self.get(job, port, path).await;
                answer.is_some_and(|answer| answer.status == *status)
            }
        }
    }

    /// The progress of members, if this role is the source of it and answers.
    pub(crate) async fn members(&self, spec: &AssignmentSpec, job: Asked<'_>) -> Option<Members> {
        let Some(ProgressSource::StatusJson {
            port,
            path,
            round,
            total,
            complete,
        }) = &spec.launch.progress
        else {
            return None;
        };
        let answer = self.get(job, port, path).await.filter(|answer| answer.status == 200)?;
        let page: Value = serde_json::from_slice(&answer.body).ok()?;
        Some(read(&page, spec, round, total.as_deref(), complete.as_deref()))
    }

    async fn get(&self, job: Asked<'_>, port: &str, path: &str) -> Option<Answer> {
        if let Some(proxy) = job.launcher.proxy() {
            return proxy.get(job.key, port, path).await;
        }
        let port = job.at.ports.get(port)?;
        let url = format!("http://{}:{port}{path}", job.at.host);
        let mut answer = self.http.get(url).send().await.ok()?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.ok()? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return None;
            }
            body.extend_from_slice(&chunk);
        }
        let status = answer.status().as_u16();
        Some(Answer { status, body })
    }
}

fn read(page: &Value, spec: &AssignmentSpec, round: &str, total: Option<&str>, complete: Option<&str>) -> Members {
    let mut members = Members::default();
    let number = |fields: &Value, field: &str| {
        fields
            .get(field)
            .and_then(Value::as_u64)
            .and_then(|n| u32::try_from(n).ok())
    };
    for (name, fields) in page.as_object().into_iter().flatten() {
        let party = name.parse::<PartyId>().ok();
        let party = party.filter(|party| spec.peers.iter().any(|peer| peer.party == *party));
        let Some(party) = party else {
            members.strangers.push(name.chars().take(80).collect());
            continue;
        };
        let progress = Progress {
            registered: true,
            complete: complete.is_some_and(|field| fields.get(field) == Some(&Value::Bool(true))),
            round: number(fields, round).unwrap_or(0),
            total: total.and_then(|field| number(fields, field)),
            metrics: BTreeMap::new(),
        };
        members.known.insert(party, progress);
    }
    members
}
