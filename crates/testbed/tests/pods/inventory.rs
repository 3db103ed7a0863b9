//! Everything that a cluster holds, to see whether something is left.

use std::collections::BTreeSet;

use flow_testbed::within;

use crate::{PATIENCE, kubectl::Kubectl};

/// The names of all objects of all kinds in all namespaces.
#[derive(Debug)]
pub(crate) struct Inventory(BTreeSet<String>);

/// Kinds that come and go by themselves.
const PASSING: [&str; 6] = [
    "events",
    "events.events.k8s.io",
    "leases.coordination.k8s.io",
    "endpointslices.discovery.k8s.io",
    "endpoints",
    "apiservices.apiregistration.k8s.io",
];

impl Inventory {
    /// What is there now.
    pub(crate) async fn take(kubectl: &Kubectl) -> Self {
        let mut names = BTreeSet::new();
        let kinds = kubectl.run("api-resources --verbs=list --output=name").await;
        let kinds: Vec<&str> = kinds.lines().filter(|kind| !PASSING.contains(kind)).collect();
        let list = format!(
            "get {} --all-namespaces --ignore-not-found --output=name",
            kinds.join(",")
        );
        // A kind whose definition has just gone is a reason to ask again.
        let all = within(PATIENCE, "a list of everything", async || {
            kubectl.try_run(&list).await.ok()
        })
        .await;
        names.extend(all.lines().map(str::to_owned));
        Self(names)
    }

    /// Waits until there is again what was there at first, and no more.
    pub(crate) async fn is_back(&self, kubectl: &Kubectl, after: &str) {
        let mut last = (Vec::new(), Vec::new());
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while tokio::time::Instant::now() < deadline {
            let now = Self::take(kubectl).await;
            let more: Vec<String> = now.0.difference(&self.0).cloned().collect();
            let less: Vec<String> = self.0.difference(&now.0).cloned().collect();
            if more.is_empty() && less.is_empty() {
                return;
            }
            last = (more, less);
        }
        panic!("{after}: left are {:?}, gone are {:?}", last.0, last.1);
    }
}
