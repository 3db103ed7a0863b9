//! Names, hosts and labels of an assignment's objects.

use std::collections::BTreeMap;

use flow_operator_api::{IflearnerJob, MANAGED_BY};
use kube::ResourceExt;

use crate::{Identity, Key};

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

/// When the job was started, as an annotation, in microseconds since the Unix epoch.
pub(super) const STARTED_AT: &str = "flow.iflearner.io/started-at";
/// When it was asked to end, likewise.
pub(super) const STOPPED_AT: &str = "flow.iflearner.io/stopped-at";
/// That it was given back, likewise.
pub(super) const RELEASED_AT: &str = "flow.iflearner.io/released-at";

/// The name of the job's objects. A Service's name begins with a letter, and a key need not.
pub(super) fn job(key: &Key) -> String {
    format!("iflearnerjob-{key}")
}

/// The host under which others reach the job. Keys are derived from the run's random id, so hosts cannot be guessed.
pub(super) fn host(key: &Key, identity: &Identity, domain: &str) -> String {
    if identity.aggregator {
        format!("{key}.server.{domain}")
    } else {
        format!("{key}.{}.party.{domain}", identity.party)
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
pub(super) fn annotations(identity: &Identity) -> BTreeMap<String, String> {
    BTreeMap::from([(TASK.to_owned(), identity.task.clone())])
}

/// What selects a party's jobs.
pub(super) fn selector(party: &str) -> String {
    format!("{MANAGED_BY}={MANAGER},{PARTY}={party}")
}

/// The key of a job, if it is one of ours.
pub(super) fn key(job: &IflearnerJob) -> Option<Key> {
    let key = Key::new(job.labels().get(ASSIGNMENT)?.as_str()).ok()?;
    (self::job(&key) == job.name_any()).then_some(key)
}

/// A time that an annotation holds.
pub(super) fn time(job: &IflearnerJob, annotation: &str) -> Option<i64> {
    job.annotations().get(annotation)?.parse().ok()
}
