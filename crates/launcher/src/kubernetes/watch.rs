//! What is known of the party's jobs: a copy that a watch keeps current, and that sees the launcher's own writes at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use flow_operator_api::IflearnerJob;
use futures::StreamExt as _;
use kube::runtime::{
    WatchStreamExt as _,
    watcher::{self, Event, watcher},
};

use super::{client::Apis, names};
use crate::{Key, LaunchError};

/// How often the API server is asked whether it is there: an idle watch does not tell.
const PING: Duration = Duration::from_secs(5);
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the watch may be interrupted before what is known counts as old.
const BRIEF: Duration = Duration::from_secs(5);

/// The jobs, and whether what is known of them is current.
#[derive(Debug, Default)]
pub(super) struct Known {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    jobs: BTreeMap<Key, Entry>,
    /// Counts the lists that were begun.
    list: u64,
    listed: BTreeSet<Key>,
    synced: bool,
    /// No answer to pings.
    silent: Option<Trouble>,
    /// No news from the watch.
    broken: Option<Trouble>,
}

#[derive(Debug)]
struct Entry {
    job: Arc<IflearnerJob>,
    version: u64,
    /// The list before which this launcher wrote it last.
    written: u64,
}

#[derive(Debug)]
struct Trouble {
    since: Instant,
    message: String,
}

impl Known {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change under this lock is complete in itself.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The job of a key, if there is one.
    ///
    /// # Errors
    /// While the API server does not answer, nothing is said: what was known may be long over.
    pub(super) fn job(&self, key: &Key) -> Result<Option<Arc<IflearnerJob>>, LaunchError> {
        let inner = self.lock();
        inner.current()?;
        Ok(inner.jobs.get(key).map(|entry| entry.job.clone()))
    }

    /// The keys of all jobs.
    pub(super) fn keys(&self) -> Result<Vec<Key>, LaunchError> {
        let inner = self.lock();
        inner.current()?;
        Ok(inner.jobs.keys().cloned().collect())
    }

    /// Takes over what the API server answered to a write.
    pub(super) fn wrote(&self, job: IflearnerJob) {
        let mut inner = self.lock();
        let written = inner.list + 1;
        inner.take(job, written);
    }

    /// The API server has answered that the job is gone.
    pub(super) fn removed(&self, key: &Key) {
        self.lock().jobs.remove(key);
    }

    fn event(&self, event: Event<IflearnerJob>) {
        let mut inner = self.lock();
        inner.broken = None;
        match event {
            Event::Apply(job) => drop(inner.take(job, 0)),
            Event::Delete(job) => {
                if let Some(key) = names::key(&job) {
                    inner.jobs.remove(&key);
                }
            }
            Event::Init => {
                inner.list += 1;
                inner.listed.clear();
            }
            Event::InitApply(job) => {
                let key = inner.take(job, 0);
                inner.listed.extend(key);
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut inner.listed);
                let list = inner.list;
                // What was written after the list was begun may rightly not be on it.
                inner
                    .jobs
                    .retain(|key, entry| listed.contains(key) || entry.written > list);
                inner.synced = true;
            }
        }
    }

    fn broken(&self, message: String) {
        Trouble::note(&mut self.lock().broken, message);
    }

    fn silent(&self, message: String) {
        Trouble::note(&mut self.lock().silent, message);
    }

    fn answered(&self) {
        if let Some(silence) = self.lock().silent.take() {
            let seconds = silence.since.elapsed().as_secs();
            tracing::info!(seconds, "the Kubernetes API server answers again");
        }
    }
}

impl Trouble {
    fn note(trouble: &mut Option<Self>, message: String) {
        match trouble {
            Some(trouble) => trouble.message = message,
            None => {
                tracing::warn!(detail = message, "no word from the Kubernetes API server; trying again");
                let since = Instant::now();
                *trouble = Some(Self { since, message });
            }
        }
    }
}

impl Inner {
    fn current(&self) -> Result<(), LaunchError> {
        // A watch that is taken up again at once has missed nothing.
        let broken = self
            .broken
            .as_ref()
            .filter(|broken| !self.synced || broken.since.elapsed() > BRIEF);
        let message = match self.silent.as_ref().or(broken) {
            Some(trouble) => format!("for {} s now: {}", trouble.since.elapsed().as_secs(), trouble.message),
            None if self.synced => return Ok(()),
            None => "it has not sent its list of jobs yet".to_owned(),
        };
        Err(LaunchError::KubernetesSilent { message })
    }

    /// Keeps the job if it is newer than what is known.
    fn take(&mut self, job: IflearnerJob, written: u64) -> Option<Key> {
        let key = names::key(&job)?;
        let version = version(&job);
        match self.jobs.get_mut(&key) {
            Some(entry) if entry.version > version => entry.written = entry.written.max(written),
            known => {
                let written = known.map_or(written, |entry| entry.written.max(written));
                let entry = Entry {
                    job: Arc::new(job),
                    version,
                    written,
                };
                self.jobs.insert(key.clone(), entry);
            }
        }
        Some(key)
    }
}

/// Resource versions of one resource are numbers that grow, in every supported Kubernetes.
fn version(job: &IflearnerJob) -> u64 {
    let version = job.metadata.resource_version.as_deref();
    version.and_then(|version| version.parse().ok()).unwrap_or(0)
}

/// Keeps `known` current, until dropped.
pub(super) async fn keep_current(known: Arc<Known>, apis: Apis, party: String) {
    let config = watcher::Config::default().labels(&names::selector(&party));
    let mut events = pin!(watcher(apis.jobs.clone(), config).default_backoff());
    let mut ping = tokio::time::interval(PING);
    ping.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(Ok(event)) => known.event(event),
                Some(Err(error)) => known.broken(error.to_string()),
                None => return,
            },
            _ = ping.tick() => match tokio::time::timeout(PATIENCE, apis.client.apiserver_version()).await {
                Ok(Ok(_)) => known.answered(),
                Ok(Err(error)) => known.silent(error.to_string()),
                Err(_) => known.silent(format!("no answer within {} s", PATIENCE.as_secs())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Identity, Prepare,
        kubernetes::{KubernetesConfig, job},
    };

    fn mk_job(key: &str, version: u64) -> IflearnerJob {
        let prepare = Prepare {
            identity: Identity {
                party: "a".to_owned(),
                ..Identity::default()
            },
            ..Prepare::default()
        };
        let mut job = job::prepared(&Key::new(key).unwrap(), &prepare, &KubernetesConfig::default());
        job.metadata.resource_version = Some(version.to_string());
        job
    }

    fn keys(known: &Known) -> Vec<String> {
        known.keys().unwrap().into_iter().map(String::from).collect()
    }

    #[test]
    fn nothing_is_said_before_the_first_list_and_while_the_api_server_is_silent() {
        let known = Known::default();
        known.event(Event::Init);
        known.event(Event::InitApply(mk_job("a", 1)));
        assert!(known.keys().is_err());
        known.event(Event::InitDone);
        assert_eq!(keys(&known), ["a"]);
        known.silent("connection refused".to_owned());
        assert!(
            known
                .job(&Key::new("a").unwrap())
                .unwrap_err()
                .to_string()
                .contains("connection refused")
        );
        known.answered();
        known.broken("watch closed".to_owned());
        assert_eq!(keys(&known), ["a"], "a brief interruption is none");
    }

    #[test]
    fn an_old_event_does_not_undo_an_own_write() {
        let known = Known::default();
        known.event(Event::Init);
        known.event(Event::InitDone);
        let mut newer = mk_job("a", 7);
        newer.spec.suspend = Some(false);
        known.wrote(newer);
        known.event(Event::Apply(mk_job("a", 5)));
        let job = known.job(&Key::new("a").unwrap()).unwrap().unwrap();
        assert_eq!(job.spec.suspend, Some(false));
    }

    #[test]
    fn a_list_drops_what_is_gone_and_keeps_what_was_written_meanwhile() {
        let known = Known::default();
        known.event(Event::Init);
        known.event(Event::InitApply(mk_job("gone", 1)));
        known.event(Event::InitApply(mk_job("stays", 2)));
        known.event(Event::InitDone);
        known.event(Event::Init);
        known.wrote(mk_job("fresh", 9));
        known.event(Event::InitApply(mk_job("stays", 2)));
        known.event(Event::InitDone);
        assert_eq!(keys(&known), ["fresh", "stays"]);
        known.event(Event::Init);
        known.event(Event::InitApply(mk_job("stays", 2)));
        known.event(Event::InitDone);
        assert_eq!(keys(&known), ["stays"], "the next list knows of every earlier write");
    }
}
