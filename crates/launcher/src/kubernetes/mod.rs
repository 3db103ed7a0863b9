//! Jobs as `IflearnerJob` resources, which the operator makes pods of.
//!
//! All state is in the resource itself. It is written when an assignment is prepared, suspended, so that nothing runs yet; a start takes
//! the suspension away, a stop asks the operator for the end, and both are noted in annotations with their time. A watch keeps a
//! copy of the party's resources; the launcher's own writes are in it at once. While the API server does not answer, nothing is said
//! of any job, and pods run on.
//!
//! How "at most one process per key" holds: the start is a write on condition that nobody has written the resource since it was read
//! as not started and not stopped, and of a started resource the operator makes one pod, as `backoffLimit` is 0.

mod client;
mod config;
mod files;
mod job;
mod logs;
mod names;
mod observe;
mod policy;
mod proxy;
mod recent_lines;
mod remove;
mod succeed;
mod tls;
mod volumes;
mod watch;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use flow_operator_api::IflearnerJob;
use jiff::Timestamp;
use kube::ResourceExt as _;
use serde_json::json;
use tokio::task::AbortHandle;

pub use self::config::{KubernetesConfig, NetworkPolicyConfig};
use self::{
    client::{Apis, apply, merge},
    names::{RELEASED_AT, STARTED_AT, STOPPED_AT},
    watch::Known,
};
use crate::{Key, Launch, LaunchError, Launcher, LogQuery, LogStream, Observed, Prepare, Prepared, Proxy};
pub use flow_operator_api::{JobReason, PARTY_CERTIFICATE, SERVER_CERTIFICATE};

/// Runs assignments as pods, in one namespace of a cluster. Cloning is cheap.
#[derive(Clone)]
pub struct KubernetesLauncher {
    shared: Arc<Shared>,
    _watch: Arc<Watch>,
}

/// The watch, which ends with the launcher.
struct Watch(AbortHandle);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Shared {
    config: KubernetesConfig,
    apis: Apis,
    known: Arc<Known>,
    tls: Arc<rustls::ClientConfig>,
}

impl KubernetesLauncher {
    /// Checks `config` and begins to watch the jobs of `party`. The cluster need not be there yet.
    ///
    /// # Errors
    /// `InvalidConfig` if the settings contradict themselves, or say no cluster.
    pub async fn open(config: KubernetesConfig, party: &str) -> Result<Self, LaunchError> {
        config.validate()?;
        let tls = tls::client(&config.ca_file)?;
        let apis = Apis::open(&config).await?;
        let known = Arc::new(Known::default());
        let watch = tokio::spawn(watch::keep_current(known.clone(), apis.clone(), party.to_owned()));
        let shared = Shared {
            config,
            apis,
            known,
            tls,
        };
        Ok(Self {
            shared: Arc::new(shared),
            _watch: Arc::new(Watch(watch.abort_handle())),
        })
    }
}

#[async_trait]
impl Launcher for KubernetesLauncher {
    async fn prepare(&self, key: &Key, prepare: &Prepare) -> Result<Prepared, LaunchError> {
        prepare.validate()?;
        let shared = &self.shared;
        if let Some(job) = shared.known.job(key)? {
            if names::time(&job, RELEASED_AT).is_some() {
                return Err(LaunchError::Released { key: key.to_string() });
            }
            let there = observe::prepared(&job, &shared.config);
            let same = there.listens().keys().eq(job::listens(&prepare.ports).keys());
            return if same {
                Ok(there)
            } else {
                Err(LaunchError::PrepareConflict { key: key.to_string() })
            };
        }
        if let Some(name) = names::of_task(&prepare.identity, &shared.config) {
            shared.succeed(key, &name, &prepare.identity.party).await?;
        }
        let wanted = job::prepared(key, prepare, &shared.config);
        let job = apply(&shared.apis.jobs, &wanted.name_any(), &wanted).await?;
        let prepared = observe::prepared(&job, &shared.config);
        shared.known.wrote(job);
        Ok(prepared)
    }

    async fn start(&self, key: &Key, launch: &Launch) -> Result<(), LaunchError> {
        launch.validate()?;
        let name = || key.to_string();
        let Some(job) = self.shared.known.job(key)? else {
            return Err(LaunchError::NotPrepared { key: name() });
        };
        if names::time(&job, RELEASED_AT).is_some() {
            return Err(LaunchError::Released { key: name() });
        }
        if names::time(&job, STARTED_AT).is_some() {
            return Ok(());
        }
        if names::time(&job, STOPPED_AT).is_some() {
            return Err(LaunchError::AlreadyStopped { key: name() });
        }
        self.shared.start(key, &job, launch).await
    }

    async fn observe(&self, key: &Key) -> Result<Observed, LaunchError> {
        let job = self.shared.known.job(key)?;
        let observed = |job: Arc<IflearnerJob>| observe::observed(&job, &self.shared.config, now());
        Ok(job.map_or(Observed::Absent, observed))
    }

    /// The grace is that of the launch: a pod's cannot be changed while it runs.
    async fn stop(&self, key: &Key, _grace: Duration) -> Result<(), LaunchError> {
        let Some(job) = self.shared.known.job(key)? else {
            return Ok(());
        };
        if names::time(&job, STOPPED_AT).is_some() || job.status.as_ref().is_some_and(|status| status.is_final()) {
            return Ok(());
        }
        let change = json!({
            "metadata": {"annotations": {STOPPED_AT: now().to_string()}},
            "spec": {"stop": true},
        });
        self.shared.change(&job, change).await
    }

    async fn list(&self) -> Result<Vec<Key>, LaunchError> {
        self.shared.known.keys()
    }

    async fn release(&self, key: &Key) -> Result<(), LaunchError> {
        self.shared.release(key).await
    }

    async fn purge(&self, key: &Key) -> Result<(), LaunchError> {
        self.shared.purge(key).await
    }

    fn logs(&self, key: &Key, query: LogQuery) -> LogStream {
        let shared = &self.shared;
        logs::stream(shared.apis.clone(), shared.known.clone(), key.clone(), query)
    }

    fn proxy(&self) -> Option<&dyn Proxy> {
        Some(&*self.shared)
    }
}

impl Shared {
    async fn start(&self, key: &Key, job: &IflearnerJob, launch: &Launch) -> Result<(), LaunchError> {
        let Some(container) = &launch.container else {
            return Err(LaunchError::InvalidLaunch {
                what: "there is no container image".to_owned(),
            });
        };
        if let Some(files) = &container.files {
            apply(&self.apis.files, &files::name(files), &files::config_map(files)).await?;
        }
        // Before the pod: it is never there without its policy.
        if let Some(policy) = policy::network_policy(job, &self.config.network_policy) {
            apply(&self.apis.policies, &policy.name_any(), &policy).await?;
        }
        let mut wanted = IflearnerJob {
            metadata: kube::api::ObjectMeta {
                name: job.metadata.name.clone(),
                labels: job.metadata.labels.clone(),
                annotations: job.metadata.annotations.clone(),
                // On condition that nobody has written it since.
                resource_version: job.metadata.resource_version.clone(),
                ..Default::default()
            },
            spec: job.spec.clone(),
            status: None,
        };
        wanted
            .annotations_mut()
            .insert(STARTED_AT.to_owned(), now().to_string());
        wanted.spec.suspend = Some(false);
        wanted.spec.template = job::template(key, launch, container, job.labels(), &job.spec.ports(), &self.config);
        let started = apply(&self.apis.jobs, &job.name_any(), &wanted).await?;
        self.known.wrote(started);
        Ok(())
    }

    async fn change(&self, job: &IflearnerJob, change: serde_json::Value) -> Result<(), LaunchError> {
        let changed = merge(&self.apis.jobs, &job.name_any(), change).await?;
        self.known.wrote(changed);
        Ok(())
    }
}

/// What a setting says, if it says anything.
fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Now, in microseconds since the Unix epoch.
fn now() -> i64 {
    Timestamp::now().as_microsecond()
}
