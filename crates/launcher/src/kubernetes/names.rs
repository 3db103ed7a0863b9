//! Names, hosts and labels of an assignment's objects.
//!
//! Each assignment has a name and a host of its own: what has ended keeps its pod with the log beside what comes after it, and hosts cannot
//! be guessed. Jobs of tasks that were made over `/api/v1` are called by their task, as Iflearner Flow did, one after the other: scripts and
//! dashboards are keyed on that.

use std::collections::BTreeMap;

use flow_operator_api::{IflearnerJob, MANAGED_BY};
use kube::ResourceExt;

use super::KubernetesConfig;
use crate::{Identity, Key};

/// A Service's name is a DNS label.
const MAX_NAME: usize = 63;

/// The agent's name: its field manager, and the value of [`MANAGED_BY`].
pub(super) const MANAGER: &str = "flow-federate";

/// The assignment that an object is for.
pub(super) const ASSIGNMENT: &str = "flow.iflearner.io/assignment";
/// The party that the assignment is of: two agents may share a namespace.
pub(super) const PARTY: &str = "flow.iflearner.io/party";
const ROLE: &str = "flow.iflearner.io/role";
const RUN: &str = "flow.iflearner.io/run";
const ATTEMPT: &str = "flow.iflearner.io/attempt";
/// The task's name: an annotation, as it may have characters that labels may not.
const TASK: &str = "flow.iflearner.io/task";
/// The object's name where it is not that of its assignment, as an annotation: a copy of the object under another name is not ours.
const NAME: &str = "flow.iflearner.io/name";

/// When the job was started, as an annotation, in microseconds since the Unix epoch.
pub(super) const STARTED_AT: &str = "flow.iflearner.io/started-at";
/// When it was asked to end, likewise.
pub(super) const STOPPED_AT: &str = "flow.iflearner.io/stopped-at";
/// That it was given back, likewise.
pub(super) const RELEASED_AT: &str = "flow.iflearner.io/released-at";

/// The name of the job's objects.
pub(super) fn job(key: &Key, identity: &Identity, config: &KubernetesConfig) -> String {
    of_task(identity, config).unwrap_or_else(|| of_key(key))
}

/// A Service's name begins with a letter, and a key need not.
fn of_key(key: &Key) -> String {
    format!("iflearnerjob-{key}")
}

/// The name that jobs of the task have one after the other, where they have one. A party's id may be too long for it.
pub(super) fn of_task(identity: &Identity, config: &KubernetesConfig) -> Option<String> {
    let task = task(identity, config)?;
    let name = if identity.aggregator {
        format!("iflearnerjob-server-{task}")
    } else {
        format!("iflearnerjob-client-{task}-{}", identity.party)
    };
    (name.len() <= MAX_NAME).then_some(name)
}

fn task<'a>(identity: &'a Identity, config: &KubernetesConfig) -> Option<&'a str> {
    identity.job_name.as_deref().filter(|_| config.task_names)
}

/// The host under which others reach the job. Keys and the ids of tasks have random parts, so hosts cannot be guessed.
pub(super) fn host(key: &Key, identity: &Identity, config: &KubernetesConfig) -> String {
    let (first, domain) = (task(identity, config).unwrap_or(key.as_str()), &config.domain);
    if identity.aggregator {
        format!("{first}.server.{domain}")
    } else {
        format!("{first}.{}.party.{domain}", identity.party)
    }
}

/// The labels of the job's objects.
pub(super) fn labels(key: &Key, identity: &Identity) -> BTreeMap<String, String> {
    let pairs = [
        (MANAGED_BY, MANAGER),
        (ASSIGNMENT, key.as_str()),
        (PARTY, &identity.party),
        (ROLE, &identity.role),
        (RUN, &identity.run),
    ];
    let mut labels: BTreeMap<String, String> = pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    labels.insert(ATTEMPT.to_owned(), identity.attempt.to_string());
    labels
}

/// The annotations of the job.
pub(super) fn annotations(identity: &Identity, config: &KubernetesConfig) -> BTreeMap<String, String> {
    let task = (TASK.to_owned(), identity.task.clone());
    let name = of_task(identity, config).map(|name| (NAME.to_owned(), name));
    [task].into_iter().chain(name).collect()
}

/// What selects a party's jobs.
pub(super) fn selector(party: &str) -> String {
    format!("{MANAGED_BY}={MANAGER},{PARTY}={party}")
}

/// The key of a job, if it is one of ours.
pub(super) fn key(job: &IflearnerJob) -> Option<Key> {
    let key = Key::new(job.labels().get(ASSIGNMENT)?.as_str()).ok()?;
    let name = job.annotations().get(NAME).cloned().unwrap_or_else(|| of_key(&key));
    (name == job.name_any()).then_some(key)
}

/// A time that an annotation holds.
pub(super) fn time(job: &IflearnerJob, annotation: &str) -> Option<i64> {
    job.annotations().get(annotation)?.parse().ok()
}
