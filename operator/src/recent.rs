//! What this replica wrote and has not seen in its caches yet.
//!
//! A cache lags behind by the time of a watch event. Without this a job that is looked at again in between would be given its
//! objects a second time: two useless requests each, on which the API server would answer that they are there.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use k8s_openapi::api::core::v1::Pod;

/// A watch that is later than this has failed, and begins anew with a list.
const LATEST: Duration = Duration::from_secs(30);

type Key = (&'static str, String, String);

#[derive(Debug, Clone)]
enum Entry {
    /// The request is under way.
    Asked(Instant),
    /// The object of this version was made.
    Made(Instant, Option<String>, Option<Arc<Pod>>),
}

/// Objects that were made, and versions that were written.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    objects: Mutex<HashMap<Key, Entry>>,
    versions: Mutex<HashMap<String, u64>>,
}

impl Recent {
    /// An object of this kind is about to be made.
    pub(crate) fn asked(&self, kind: &'static str, namespace: &str, name: &str) {
        lock(&self.objects).insert(key(kind, namespace, name), Entry::Asked(Instant::now()));
    }

    /// It was made.
    pub(crate) fn made(
        &self,
        kind: &'static str,
        namespace: &str,
        name: &str,
        version: Option<String>,
        pod: Option<Arc<Pod>>,
    ) {
        // If the entry is gone, the cache was faster than the answer.
        if let Some(entry) = lock(&self.objects).get_mut(&key(kind, namespace, name)) {
            *entry = Entry::Made(Instant::now(), version, pod);
        }
    }

    /// A cache has the object, or had it. True if it is as it was made, so that it tells nothing new.
    pub(crate) fn seen(&self, kind: &'static str, namespace: &str, name: &str, version: Option<&str>) -> bool {
        let mut objects = lock(&self.objects);
        if objects.is_empty() {
            return false;
        }
        let entry = objects.remove(&key(kind, namespace, name));
        matches!(entry, Some(Entry::Made(_, Some(made), _)) if Some(made.as_str()) == version)
    }

    /// It was not made.
    pub(crate) fn forget(&self, kind: &'static str, namespace: &str, name: &str) {
        let mut objects = lock(&self.objects);
        if !objects.is_empty() {
            objects.remove(&key(kind, namespace, name));
        }
    }

    /// Whether an object of this name was made just now; with the pod, if it is one.
    pub(crate) fn find(&self, kind: &'static str, namespace: &str, name: &str) -> Option<Option<Arc<Pod>>> {
        let mut objects = lock(&self.objects);
        let key = key(kind, namespace, name);
        match objects.get(&key)?.clone() {
            Entry::Made(at, _, pod) if at.elapsed() < LATEST => Some(pod),
            Entry::Asked(at) if at.elapsed() < LATEST => None,
            _ => {
                objects.remove(&key);
                None
            }
        }
    }

    /// The job was written, and is of this version now.
    pub(crate) fn wrote(&self, uid: &str, version: Option<&str>) {
        if let Some(version) = version.and_then(|version| version.parse().ok()) {
            lock(&self.versions).insert(uid.to_owned(), version);
        }
    }

    /// Whether a job of this version is older than what was written. Its next event is on its way then.
    pub(crate) fn is_behind(&self, uid: &str, version: Option<&str>) -> bool {
        let mut versions = lock(&self.versions);
        let Some(written) = versions.get(uid).copied() else {
            return false;
        };
        let behind = version
            .and_then(|version| version.parse().ok())
            .is_some_and(|version: u64| version < written);
        if !behind {
            versions.remove(uid);
        }
        behind
    }

    /// The job is gone.
    pub(crate) fn gone(&self, uid: &str) {
        lock(&self.versions).remove(uid);
    }
}

fn key(kind: &'static str, namespace: &str, name: &str) -> Key {
    (kind, namespace.to_owned(), name.to_owned())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one step, so a panic elsewhere cannot have left half of one.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_counts_until_the_cache_has_it() {
        let recent = Recent::default();
        recent.asked("Pod", "n", "a");
        assert!(recent.find("Pod", "n", "a").is_none(), "it may still be refused");
        recent.made("Pod", "n", "a", Some("7".to_owned()), None);
        assert!(recent.find("Pod", "n", "a").is_some());
        assert!(recent.seen("Pod", "n", "a", Some("7")), "nothing new");
        recent.made("Pod", "n", "a", Some("7".to_owned()), None);
        assert!(recent.find("Pod", "n", "a").is_none(), "the cache was faster");
        recent.asked("Pod", "n", "a");
        recent.made("Pod", "n", "a", Some("7".to_owned()), None);
        assert!(
            !recent.seen("Pod", "n", "a", Some("8")),
            "somebody has changed it since"
        );
    }

    #[test]
    fn a_job_is_behind_until_its_own_write_is_seen() {
        let recent = Recent::default();
        recent.wrote("u", Some("12"));
        assert!(recent.is_behind("u", Some("11")));
        assert!(!recent.is_behind("u", Some("12")));
        assert!(!recent.is_behind("u", Some("11")), "it was seen");
    }
}
